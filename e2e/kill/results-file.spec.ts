import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ResultsFile } from './results-file.js';
import type { CellResult } from './run.js';

const here = { digest: 'a', driver: 'postgresql', layout: null, isStack: false };
const resultOf = (id: string, changes: Partial<CellResult> = {}): CellResult => ({
  id,
  scenario: 'two-key',
  step: 'set',
  effect: 'set',
  when: 'before',
  fault: 'killed',
  outcome: 'recovered',
  state: 'completed',
  recoveryMs: 1,
  durationMs: 2,
  windowMs: 0,
  rollback: null,
  looks: 1,
  logins: 1,
  checkOuts: 0,
  problems: [],
  ...changes,
});

describe('a file of results', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-results-'));
    path = join(folder, 'results');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const known = (now: ConstructorParameters<typeof ResultsFile>[1]) => [...new ResultsFile(path, now).known().keys()];

  it('knows what the same sources have shown, and nothing that others have', () => {
    new ResultsFile(path, here).add(resultOf('one'));
    new ResultsFile(path, { ...here, digest: 'b' }).add(resultOf('of other sources'));
    expect(known(here)).toEqual(['one']);
    expect(known({ ...here, digest: 'b' })).toEqual(['of other sources']);
  });

  it('does not know what went wrong, nor what happened without a fault', () => {
    const file = new ResultsFile(path, here);
    file.add(resultOf('broken', { outcome: 'broken' }));
    file.add(resultOf('not reached', { outcome: 'not reached' }));
    file.add(resultOf('plain', { fault: 'none' }));
    expect(known(here)).toEqual([]);
  });

  it('may be missing, or empty', () => {
    expect(known(here)).toEqual([]);
    writeFileSync(path, '');
    expect(known(here)).toEqual([]);
  });
});
