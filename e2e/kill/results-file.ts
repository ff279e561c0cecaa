import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { CellResult } from './run.js';

interface Line {
  readonly commit: string;
  readonly result: CellResult;
}

/** Results as lines of JSON, each under the commit that it is true for, so that a run that was interrupted goes on. */
export class ResultsFile {
  private readonly commit = currentCommit();

  constructor(private readonly path: string) {}

  /** What this commit has shown before. A cell that went wrong is tried again. */
  known(): Map<string, CellResult> {
    if (this.commit === null || !existsSync(this.path)) return new Map();
    const lines = readFileSync(this.path, 'utf8').split('\n').filter(Boolean);
    return new Map(
      lines
        .map((line) => JSON.parse(line) as Line)
        .filter(
          ({ commit, result }) => commit === this.commit && result.outcome === 'recovered' && result.fault !== 'none',
        )
        .map(({ result }) => [result.id, result]),
    );
  }

  add(result: CellResult): void {
    const line: Line = { commit: this.commit ?? 'changed', result };
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }
}

/** Null when the sources are not those of a commit: then nothing that was shown before counts. */
export function currentCommit(): string | null {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  return git('status', '--porcelain', '--', 'apps', 'libs', 'e2e') === '' ? git('rev-parse', 'HEAD') : null;
}
