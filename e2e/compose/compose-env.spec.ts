import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT, source, textOf } from './compose-file.js';

describe('node tools/compose-env.mjs', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-compose-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'tools', 'compose-env.mjs'), ...args], {
      encoding: 'utf8',
    });
    return { status, text: stdout + stderr };
  };
  const made = () => readFileSync(join(folder, '.env'), 'utf8');

  it('is the command that docs/stack.md gives', () => {
    expect(textOf('docs/stack.md')).toContain('\nnode tools/compose-env.mjs\ndocker compose up');
  });

  it('makes a password of its own for each variable that compose.yaml demands, shows none, and lets nobody else read them', () => {
    writeFileSync(join(folder, 'compose.yaml'), source);
    const { status, text } = run(folder);
    expect(status).toBe(0);
    const lines = made().trim().split('\n');
    const wanted = [...new Set([...source.matchAll(/\$\{([A-Z_]+):\?/g)].map(([, name]) => name!))];
    expect(lines.map((line) => line.split('=')[0]).sort()).toEqual(wanted.sort());
    expect(new Set(lines.map((line) => line.split('=')[1])).size).toBe(wanted.length);
    for (const line of lines) {
      expect(line).toMatch(/^[A-Z_]+=[0-9a-f]{48}$/);
      expect(text).not.toContain(line.split('=')[1]);
    }
    if (process.platform !== 'win32') expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);
  });

  it('leaves passwords alone that are there: the data belongs to them', () => {
    writeFileSync(join(folder, 'compose.yaml'), source);
    writeFileSync(join(folder, '.env'), 'SENTRY=kept\n');
    expect(run(folder)).toMatchObject({ status: 1, text: expect.stringContaining('exists and was left as it is') });
    expect(made()).toBe('SENTRY=kept\n');
  });

  it.each([
    ['a folder without compose.yaml', () => [folder], 1, /compose\.yaml cannot be read \(ENOENT\)/],
    ['an option that it does not have', () => ['--force'], 2, /It takes one folder, not "--force"/],
  ])('says what is wrong with %s, and makes nothing', (_, args, status, says) => {
    expect(run(...args())).toEqual({ status, text: expect.stringMatching(says) });
    expect(made).toThrow('ENOENT');
  });
});
