import { Stop } from './stop.js';

export interface EveryParts {
  /** From the beginning of one pass to that of the next. A pass that takes longer leaves out the beginnings it covers. */
  readonly everyMs: number;
  readonly first: 'at-start' | 'after-interval';
  /** @param stopping aborted when it has to stop: a long pass may look, and end early in good order */
  readonly pass: (stopping: AbortSignal) => Promise<void>;
  /** Hears of every fault of a pass, which the next one has a chance to mend, and of a pass that a stop left alone. */
  readonly onFault: (error: unknown) => void;
}

/** The same work again and again, never twice at a time. It keeps no process alive. */
export class Every {
  private readonly ending = new Stop();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly parts: EveryParts) {}

  /** A second start does nothing, nor does one after a stop. */
  start(): void {
    if (this.timer !== undefined || this.ending.isAsked) return;
    const { everyMs, first } = this.parts;
    this.timer = setInterval(() => this.begin(), everyMs).unref();
    if (first === 'at-start') this.begin();
  }

  /** Begins no pass any more, and resolves when the one under way is over or has taken too long; rejects never. */
  async stop(limitMs?: number): Promise<void> {
    clearInterval(this.timer);
    await this.ending.finish(limitMs).catch(this.parts.onFault);
  }

  private begin(): void {
    if (this.ending.underWay > 0) return;
    void this.ending.track(this.pass());
  }

  private async pass(): Promise<void> {
    try {
      await this.parts.pass(this.ending.signal);
    } catch (error) {
      this.parts.onFault(error);
    }
  }
}
