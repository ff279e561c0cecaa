/** What happens meanwhile, in order, for one reader. */
export class Mailbox<T> {
  private readonly waiting: T[] = [];
  private wake: (() => void) | null = null;

  put(message: T): void {
    this.waiting.push(message);
    this.wake?.();
  }

  /** @returns null when nothing came until then (`performance.now()`). */
  async next(untilMs: number): Promise<T | null> {
    if (this.waiting.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.max(0, untilMs - performance.now()));
      this.wake = resolve;
      await promise;
      this.wake = null;
      clearTimeout(timer);
    }
    return this.waiting.shift() ?? null;
  }
}
