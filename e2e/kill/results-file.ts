import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { CellResult } from './run.js';

/** What results are true for. */
export interface Circumstances {
  /** What was run; null: sources that no commit has. */
  readonly commit: string | null;
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

  /** What this commit has shown before in the same way of running. A cell that went wrong is tried again. */
  known(): Map<string, CellResult> {
    if (this.now.commit === null || !existsSync(this.path)) return new Map();
    const lines = readFileSync(this.path, 'utf8').split('\n').filter(Boolean);
    return new Map(
      lines
        .map((line) => JSON.parse(line) as Line)
        .filter(({ commit, isStack }) => commit === this.now.commit && isStack === this.now.isStack)
        .filter(({ result }) => result.outcome === 'recovered' && result.fault !== 'none')
        .map(({ result }) => [result.id, result]),
    );
  }

  add(result: CellResult): void {
    const line: Line = { ...this.now, result };
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }
}

/** Null when the sources are not those of a commit: then nothing that was shown before counts. */
export function currentCommit(): string | null {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  return git('status', '--porcelain', '--', 'apps', 'libs', 'e2e') === '' ? git('rev-parse', 'HEAD') : null;
}
