/** Wakes a loop that otherwise looks by itself now and then. Ringing while nobody waits is remembered once. */
export class Bell {
  private isRung = false;
  private wake: (() => void) | null = null;

  ring(): void {
    this.isRung = true;
    this.wake?.();
  }

  /** Resolves when it rings, at once if it rang since the last wait, and after `timeoutMs` at the latest. */
  async wait(timeoutMs: number): Promise<void> {
    if (!this.isRung)
      await new Promise<void>((done) => {
        const timer = setTimeout(done, timeoutMs);
        this.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    this.wake = null;
    this.isRung = false;
  }
}
