/** Lets one waiter sleep until somebody opens it or the time is over. Opening while nobody waits is remembered. */
export class Latch {
  private isOpen = false;
  private wake: (() => void) | undefined;

  open(): void {
    this.isOpen = true;
    this.wake?.();
  }

  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.isOpen && !signal.aborted)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener('abort', this.wake, { once: true });
      });
    this.isOpen = false;
    this.wake = undefined;
  }
}
