import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { CellResult } from './run.js';

/** What results are true for. */
export interface Circumstances {
  /** Of everything that results depend on. */
  readonly digest: string;
  /** Whose world the targets are. */
  readonly driver: string;
  /** How the tenants there have their slots; null: as they usually do. */
  readonly layout: string | null;
  /** Events go through Dapr and Kafka. */
  readonly isStack: boolean;
}

interface Line extends Circumstances {
  readonly result: CellResult;
}

/** Results as lines of JSON, each with what it is true for, so that a run that was interrupted goes on. */
export class ResultsFile {
  constructor(
    private readonly path: string,
    private readonly now: Circumstances,
  ) {}

  /** What the same sources have shown before, in whichever commit. A cell that went wrong is tried again. */
  known(): Map<string, CellResult> {
    if (!existsSync(this.path)) return new Map();
    const lines = readFileSync(this.path, 'utf8').split('\n').filter(Boolean);
    return new Map(
      lines
        .map((line) => JSON.parse(line) as Line)
        .filter(({ digest }) => digest === this.now.digest)
        .filter(({ result }) => result.outcome === 'recovered' && result.fault !== 'none')
        .map(({ result }) => [result.id, result]),
    );
  }

  add(result: CellResult): void {
    const line: Line = { ...this.now, result };
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }
}
