import type { Bell } from './bell.js';
import { Loop, type BackOff } from './loop.js';
import { Stop } from './stop.js';

export interface DueWorkerParts<Claimed> {
  /** The next piece of work that is due, null when there is none. */
  readonly claim: () => Promise<Claimed | null>;
  /** What names the row, for whoever counts its faults. */
  readonly keyOf: (claimed: Claimed) => string;
  /**
   * Does it, and gives the row back or settles it.
   * @param stopping aborted when the worker has to stop: finish what is under way, and let go
   */
  readonly work: (claimed: Claimed, stopping: AbortSignal) => Promise<void>;
  /** The work has thrown: gives the row back for later. */
  readonly putOff: (claimed: Claimed, afterMs: number, error: unknown) => Promise<void>;
  /** How much of it at the same time. */
  readonly concurrency: number;
  /** How often it looks when nobody rings. */
  readonly lookEveryMs: number;
  /** Rung after the commit that makes something due. */
  readonly bell: Bell;
  /** Hears when the database does not answer a claim or a putting off, and of work that a stop left alone. */
  readonly onFault: (error: unknown) => void;
  /** How long a row is put off whose work throws, in this process again and again; 3 s to a minute unless said. */
  readonly backOff?: BackOff;
}

/** Long enough not to spin, short enough for a database that restarts. */
const BACK_OFF: BackOff = { firstMs: 3_000, longestMs: 60_000 };

/** Takes due rows as long as there are any, several at a time, and looks again when it is rung or has waited long enough. */
export class DueWorker<Claimed> {
  private readonly loop: Loop;
  private readonly atWork = new Stop();
  /** How often the work on a row has thrown in a row. */
  private readonly faults = new Map<string, number>();

  constructor(private readonly parts: DueWorkerParts<Claimed>) {
    const { bell, onFault } = parts;
    this.loop = new Loop({ work: () => this.look(), bell, onFault });
  }

  start(): void {
    this.loop.start();
  }

  /** Begins nothing any more, and resolves when what is under way is finished or has taken too long; rejects never. */
  async stop(limitMs?: number): Promise<void> {
    this.atWork.ask();
    await this.loop.stop(limitMs);
    await this.atWork.finish(limitMs).catch(this.parts.onFault);
  }

  private async look(): Promise<number> {
    const { claim, concurrency, lookEveryMs, bell } = this.parts;
    if (this.atWork.underWay >= concurrency) return lookEveryMs;
    const claimed = await claim();
    if (claimed === null) return lookEveryMs;
    // Afterwards a place is free, and what waited for this row may be due.
    void this.atWork.track(this.work(claimed)).then(() => bell.ring());
    return 0;
  }

  private async work(claimed: Claimed): Promise<void> {
    const { work, keyOf, putOff, onFault, backOff = BACK_OFF } = this.parts;
    const key = keyOf(claimed);
    try {
      await work(claimed, this.atWork.signal);
      this.faults.delete(key);
    } catch (error) {
      const before = this.faults.get(key) ?? 0;
      this.faults.set(key, before + 1);
      const afterMs = Math.min(backOff.firstMs * 2 ** before, backOff.longestMs);
      await putOff(claimed, afterMs, error).catch(onFault);
    }
  }
}
