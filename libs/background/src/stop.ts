/** Nobody waits longer for work in the background to finish, unless another bound is given. */
export const LONGEST_STOP_MS = 60_000;

/** Some work was not finished when the bound of a stop had passed. What it holds is left as a crash would leave it. */
export class LeftUnderWay extends Error {
  override readonly name = 'LeftUnderWay';
  constructor(limitMs: number) {
    super(`Work in the background was still under way ${limitMs} ms after it was asked to stop, and is left alone.`);
  }
}

/**
 * The one way to stop what goes on in the background. Once a stop is asked nothing new is begun, what is under way is
 * finished, and nobody waits for that longer than a bound.
 */
export class Stop {
  private readonly work = new Set<Promise<void>>();
  private readonly asked = new AbortController();

  /** Aborted when a stop is asked: for work that can end early in good order. */
  get signal(): AbortSignal {
    return this.asked.signal;
  }

  get isAsked(): boolean {
    return this.asked.signal.aborted;
  }

  /** How much is under way. */
  get underWay(): number {
    return this.work.size;
  }

  /** Has a stop wait for this work, however it ends. Its fault stays with whoever holds the promise. */
  track<T>(work: Promise<T>): Promise<T> {
    const over = work.then(
      () => void this.work.delete(over),
      () => void this.work.delete(over),
    );
    this.work.add(over);
    return work;
  }

  /** Resolves after `ms`, and at once when a stop is asked. */
  async pause(ms: number): Promise<void> {
    if (this.isAsked || ms <= 0) return;
    await new Promise<void>((done) => {
      const end = () => {
        clearTimeout(timer);
        this.signal.removeEventListener('abort', end);
        done();
      };
      const timer = setTimeout(end, ms);
      this.signal.addEventListener('abort', end);
    });
  }

  /** Asks for it and does not wait. */
  ask(): void {
    this.asked.abort();
  }

  /** Waits for what is under way, and for what that begins. */
  async settled(): Promise<void> {
    while (this.work.size > 0) await Promise.all(this.work);
  }

  /**
   * Asks for it, and waits for what is under way. A second call waits again.
   * @throws LeftUnderWay when something took longer than `limitMs`
   */
  async finish(limitMs = LONGEST_STOP_MS): Promise<void> {
    this.ask();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, refuse) => {
      timer = setTimeout(() => refuse(new LeftUnderWay(limitMs)), limitMs);
    });
    try {
      await Promise.race([this.settled(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
