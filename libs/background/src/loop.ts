import { Bell } from './bell.js';
import { Stop } from './stop.js';

/** After faults in a row: the first pause, which doubles up to the longest. A ring ends it early. */
export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

export interface LoopParts {
  /**
   * One piece of work.
   * @returns 0 when there may be more, so that the next round follows at once; otherwise how many milliseconds to wait
   * for the bell before looking again
   */
  readonly work: () => Promise<number>;
  /** Hears of every fault of the work, and of work that a stop did not wait for any longer. */
  readonly onFault: (error: unknown) => void;
  /** Half a second to five seconds unless said. */
  readonly backOff?: BackOff;
  /** Who else rings; one of its own unless given. */
  readonly bell?: Bell;
  /** A round that begins after a stop was asked, for what came until then; none unless said. */
  readonly hasLastRound?: boolean;
}

const BACK_OFF: BackOff = { firstMs: 500, longestMs: 5_000 };

/**
 * Works while there is any work, and otherwise waits.
 *
 *               ┌──────── 0: there may be more ────────┐
 *               ▼                                      │
 *   start ──▶ working ── pause ──▶ waiting ── bell, or the pause is over ──▶ working
 *               │                     ▲
 *               └── fault: told, and a pause that doubles
 *
 *   stop: the round under way is finished, a last one follows where that is wanted, waiting ends at once.
 *
 * A fault never ends it: a database that restarts is met again at one of the next rounds.
 */
export class Loop {
  private readonly bell: Bell;
  private readonly ending = new Stop();
  private faults = 0;
  private hasStarted = false;

  constructor(private readonly parts: LoopParts) {
    this.bell = parts.bell ?? new Bell();
  }

  get isStopping(): boolean {
    return this.ending.isAsked;
  }

  /** A second start does nothing. */
  start(): void {
    if (this.hasStarted) return;
    this.hasStarted = true;
    void this.ending.track(this.run());
  }

  /** There is something to do: look now. */
  ring(): void {
    this.bell.ring();
  }

  /** For the work: resolves after `ms`, and at once when it has to stop. No ring ends it. */
  pause(ms: number): Promise<void> {
    return this.ending.pause(ms);
  }

  /** Resolves when the last round is over, or has taken longer than the bound of {@link Stop}; rejects never. */
  async stop(limitMs?: number): Promise<void> {
    this.ending.ask();
    this.bell.ring();
    await this.ending.finish(limitMs).catch(this.parts.onFault);
  }

  private async run(): Promise<void> {
    for (;;) {
      const isLast = this.isStopping;
      if (isLast && !this.parts.hasLastRound) return;
      const pauseMs = await this.round();
      if (isLast) return;
      if (pauseMs > 0 && !this.isStopping) await this.bell.wait(pauseMs);
    }
  }

  private async round(): Promise<number> {
    try {
      const pauseMs = await this.parts.work();
      this.faults = 0;
      return pauseMs;
    } catch (error) {
      this.parts.onFault(error);
      const { firstMs, longestMs } = this.parts.backOff ?? BACK_OFF;
      return Math.min(firstMs * 2 ** this.faults++, longestMs);
    }
  }
}
