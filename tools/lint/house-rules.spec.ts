import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../..');
const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }).split('\n');
const product = tracked.filter((path) => /^(apps\/[^/]+|libs\/[^/]+|stack)\/src\/.*\.ts$/.test(path));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** What this file has to say without breaking its own rule. */
const SWITCHES = [
  ['prettier', 'ignore'],
  ['eslint', 'disable'],
].map((words) => words.join('-'));

describe('the rules of the house', () => {
  it('switch neither the formatter nor the linter off', () => {
    // Rules that are tried on files which break them write such files.
    const sources = tracked.filter((path) => /\.(ts|mjs|cjs|js)$/.test(path) && !path.startsWith('tools/lint/'));
    expect(sources.filter((path) => SWITCHES.some((word) => read(path).includes(word)))).toEqual([]);
  });

  it('say of every suffix of a file what such a file does, and of no other', () => {
    const suffixesOf = (path: string) => basename(path, '.ts').split('.').slice(1);
    const sources = tracked.filter(
      (path) => /^(apps|libs|stack|e2e|bench)\/.*\.ts$/.test(path) && !path.endsWith('.d.ts'),
    );
    const used = new Set(sources.flatMap(suffixesOf));
    const table = /\| file +\|(.*?)\n\n/s.exec(read('CONTRIBUTING.md'))?.[1] ?? '';
    const described = new Set(
      [...table.matchAll(/`((?:\.[a-z]+)+)\.ts`/g)].flatMap(([, name]) => name!.slice(1).split('.')),
    );
    expect({
      undescribed: [...used].filter((suffix) => !described.has(suffix)),
      unused: [...described].filter((suffix) => !used.has(suffix)),
    }).toEqual({
      undescribed: [],
      unused: [],
    });
  });

  it('know no folder for whatever fits nowhere, and no index below the root of a package', () => {
    expect(product.filter((path) => /\/(common|utils?|helpers|misc)\//.test(path))).toEqual([]);
    expect(product.filter((path) => /\/src\/.+\/index\.ts$/.test(path))).toEqual([]);
  });

  it('give each word one meaning', () => {
    const words = [...read('docs/glossary.md').matchAll(/^\| \*\*([^*]+)\*\*/gm)].map(([, word]) => word);
    expect(words.filter((word, nth) => words.indexOf(word) < nth)).toEqual([]);
  });

  it('keep no word for a file that does not export it', async () => {
    const { OWNERS } = (await import(pathToFileURL(join(root, 'tools/lint/one-meaning.mjs')).href)) as {
      readonly OWNERS: Readonly<Record<string, string | null>>;
    };
    const isExported = (word: string, path: string) =>
      new RegExp(`^export (type|interface|class) ${word}\\b`, 'm').test(read(path));
    const kept = Object.entries(OWNERS).flatMap(([word, path]) => (path === null ? [] : [[word, path] as const]));
    expect(kept.filter(([word, path]) => !tracked.includes(path) || !isExported(word, path))).toEqual([]);
  });
});
