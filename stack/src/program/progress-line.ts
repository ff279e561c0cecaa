import { formatDuration } from '@dsops/kernel';
import type { ToolProgress } from '../tools/progress.js';

const AGAIN_MS = 30_000;
/** What is done sooner needs no word. */
const WORTH_MS = 900;

/**
 * One line about long work. On a terminal it is written over and over; elsewhere, in a log, each step has a line, and
 * every half minute another one.
 */
export class ProgressLine {
  private shown = '';
  private shownAtMs = 0;
  private isOnScreen = false;

  constructor(private readonly out: NodeJS.WriteStream) {}

  show(progress: ToolProgress): void {
    if (progress.elapsedMs < WORTH_MS) return;
    const text = describeProgress(progress);
    if (this.out.isTTY) {
      this.out.write(`\r\u001b[2K  … ${text.slice(0, Math.max(20, (this.out.columns || 80) - 5))}`);
      this.isOnScreen = true;
      return;
    }
    const now = performance.now();
    if (progress.step === this.shown && now - this.shownAtMs < AGAIN_MS) return;
    this.shown = progress.step;
    this.shownAtMs = now;
    this.out.write(`  … ${text}\n`);
  }

  /** Makes room for a line that stays. */
  clear(): void {
    if (this.isOnScreen) this.out.write('\r\u001b[2K');
    this.isOnScreen = false;
  }
}

/** `building daprd, about five minutes the first time · 2m 10s · 3m left at most` */
export function describeProgress({ step, elapsedMs, remainingMs }: ToolProgress): string {
  const left = remainingMs === null ? '' : ` · ${formatDuration(Math.ceil(remainingMs / 1000) * 1000)} left at most`;
  return `${step} · ${formatDuration(Math.round(elapsedMs / 1000) * 1000)}${left}`;
}
