import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WORKSPACE } from '../harness/workspace.js';
import { digestOf, sourcesOf, type DigestScope } from './digest.js';

const scope: DigestScope = { drivers: ['postgresql', 'mariadb'], driver: 'postgresql', layout: null, isStack: false };
const ofOurs = (file: string) => `libs/drivers/src/${file}`;

describe('what a result of the kill test is true for', () => {
  const { files, packages } = sourcesOf(WORKSPACE, scope);

  it('is engine, run, vault, driver, schema and the proof itself', () => {
    const folders = ['engine', 'run', 'requests', 'vault', 'check-out'].map((name) => `apps/rotation/src/${name}/`);
    const wanted = [
      ...folders,
      ofOurs('driver.ts'),
      ofOurs('postgresql/world.ts'),
      'libs/sealing/',
      'libs/messaging/',
      'e2e/kill/judge.ts',
    ];
    expect(wanted.filter((path) => !files.some((file) => file.startsWith(path)))).toEqual([]);
    expect(files.filter((file) => file.startsWith('libs/database/rotation/migrations/'))).not.toEqual([]);
    expect(packages).toContainEqual(expect.stringMatching(/^pg@\d/));
  });

  it('is none of what only stands beside it: other services, specs, words, servers that carry no event', () => {
    expect(
      files.filter((file) => /^(apps\/(?!rotation)|docs|stack)|[.]spec[.]ts$|kill\/(main|report)/.test(file)),
    ).toEqual([]);
  });

  it('is the stack, too, where events go through it', () => {
    expect(sourcesOf(WORKSPACE, { ...scope, isStack: true }).files).toContain('stack/src/servers/kafka.ts');
  });
});

describe('the digest', () => {
  let root: string;
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const digest = (changes: Partial<DigestScope> = {}) => digestOf(root, { ...scope, ...changes });
  const changesWith = (path: string, text: string): boolean => {
    const before = digest();
    write(path, text);
    return digest() !== before;
  };

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'dsops-digest-')));
    write('e2e/package.json', '{"type":"module","dependencies":{"pg":"1.0.0"}}');
    write(
      'libs/drivers/package.json',
      '{"name":"@dsops/drivers","type":"module","exports":{".":{"@dsops/source":"./src/index.ts"}}}',
    );
    write(ofOurs('index.ts'), "export * from './kinds.js';");
    write(ofOurs('kinds.ts'), "export * from './postgresql/driver.js';\nexport * from './mariadb/driver.js';");
    for (const kind of ['postgresql', 'mariadb']) write(ofOurs(`${kind}/world.ts`), 'export const world = 1;');
    write(ofOurs('postgresql/driver.ts'), 'export const postgresql = 1;');
    write(ofOurs('mariadb/driver.ts'), "export * from './wire.js';");
    write(ofOurs('mariadb/wire.ts'), 'export const mariadb = 1;');
    mkdirSync(join(root, 'e2e/node_modules/@dsops'), { recursive: true });
    symlinkSync(join(root, 'libs/drivers'), join(root, 'e2e/node_modules/@dsops/drivers'), 'junction');
    write('libs/database/rotation/migrations/1.sql', 'create table one ();');
    for (const name of ['run', 'oracle.main', 'client.main']) write(`e2e/kill/${name}.ts`, 'export const nothing = 1;');
    write(
      'e2e/kill/worker.main.ts',
      "import pg from 'pg';\nimport type { x } from './tap.js';\nimport '@dsops/drivers';",
    );
    write('e2e/kill/tap.ts', 'export type x = 1;');
    write('e2e/kill/tap.spec.ts', "import './tap.js';");
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('is another one when anything changes that is imported, read or installed', () => {
    expect(changesWith('e2e/kill/tap.ts', 'export type x = 2;')).toBe(true);
    expect(changesWith(ofOurs('postgresql/driver.ts'), 'export const postgresql = 2;')).toBe(true);
    expect(changesWith(ofOurs('postgresql/world.ts'), 'export const world = 2;')).toBe(true);
    expect(changesWith('libs/database/rotation/migrations/2.sql', 'create table two ();')).toBe(true);
    expect(changesWith('e2e/package.json', '{"type":"module","dependencies":{"pg":"1.0.1"}}')).toBe(true);
  });

  it('stays the same when something else does', () => {
    expect(changesWith('e2e/kill/tap.spec.ts', 'changed')).toBe(false);
    expect(changesWith('docs/engine.md', 'changed')).toBe(false);
    expect(changesWith(ofOurs('mariadb/wire.ts'), 'export const mariadb = 2;')).toBe(false);
    // One more kind of target beside those that were there.
    expect(changesWith(ofOurs('kinds.ts'), "export * from './postgresql/driver.js';")).toBe(false);
  });

  it('is one for each driver, with the stack and without', () => {
    const digests = [
      digest(),
      digest({ driver: 'mariadb' }),
      digest({ isStack: true }),
      digest({ layout: 'one-role' }),
    ];
    expect(new Set(digests).size).toBe(4);
  });
});
