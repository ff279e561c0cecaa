/** Node fires a timer that is set for longer at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Wakes a loop that otherwise looks by itself now and then. A ring while nobody waits is kept for the next wait; any
 * number of them count as one. Whoever rings has done first what is to be found: after the commit, never before.
 */
export class Bell {
  private isRung = false;
  private wake: (() => void) | undefined;

  ring(): void {
    this.isRung = true;
    this.wake?.();
  }

  /**
   * Resolves when it rings, at once if it rang since the last wait, and after `timeoutMs` at the latest. One waits at a
   * time.
   */
  async wait(timeoutMs: number): Promise<void> {
    if (!this.isRung)
      await new Promise<void>((done) => {
        const timer = setTimeout(done, Math.min(timeoutMs, LONGEST_TIMER_MS));
        this.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    this.wake = undefined;
    this.isRung = false;
  }
}
