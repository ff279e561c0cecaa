/** `dapr` is daprd and sentry; `scheduler` is Dapr's scheduler, which is built from modules of its own. */
export type ToolName = 'dapr' | 'scheduler' | 'kafka' | 'zipkin';

/** What a person who waits wants to know. Reported at each change and once a second. */
export interface ToolProgress {
  readonly tool: ToolName;
  /** What goes on, such as `building daprd`. */
  readonly step: string;
  readonly elapsedMs: number;
  /** How much of the step is done, 0 to 1. Null when that is not known. */
  readonly fraction: number | null;
  /** An estimate, at most. Null while nothing can be said. */
  readonly remainingMs: number | null;
}

export type OnProgress = (progress: ToolProgress) => void;

/** Tells at each change, and again every second, so that elapsed time goes on where it is shown. */
export class ProgressTeller {
  private readonly startedAtMs = performance.now();
  private stepAtMs = this.startedAtMs;
  private step = 'starting';
  private fraction: number | null = null;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly tool: ToolName,
    private readonly onProgress: OnProgress,
  ) {
    this.timer = setInterval(() => this.tell(), 1_000);
    this.timer.unref();
  }

  begin(step: string): void {
    this.step = step;
    this.stepAtMs = performance.now();
    this.fraction = null;
    this.tell();
  }

  /** @param fraction of the step that has begun last, 0 to 1 */
  reach(fraction: number): void {
    this.fraction = Math.min(1, Math.max(0, fraction));
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tell(): void {
    const now = performance.now();
    const { tool, step, fraction } = this;
    this.onProgress({
      tool,
      step,
      elapsedMs: now - this.startedAtMs,
      fraction,
      remainingMs: fraction === null ? null : remainingMs(fraction, now - this.stepAtMs),
    });
  }
}

/** The first twentieth says little: caches answer at once, and the estimate would jump. */
const remainingMs = (fraction: number, stepMs: number): number | null =>
  fraction < 0.05 ? null : (stepMs * (1 - fraction)) / fraction;
