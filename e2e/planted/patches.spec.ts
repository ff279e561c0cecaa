import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PLANTED_BUGS as IN_THE_ENGINE } from '../../apps/rotation/src/engine/histories/planted-bugs.js';
import { PLANTED_BUGS as FOR_EVENTS } from '../events/planted-bugs.js';
import { PLANTED_BUGS as FOR_KILLS } from '../kill/planted-bugs.js';
import { applyPatches, type PlantedBug } from './patch.js';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const LISTS: readonly (readonly [string, readonly PlantedBug[]])[] = [
  ['the histories', IN_THE_ENGINE],
  ['the kill test', FOR_KILLS],
  ['the proof of events', FOR_EVENTS],
];

/** `pnpm test:planted` shows that each is caught, which takes its time; that each still fits shows here. */
describe.each(LISTS)('the bugs that %s must catch', (_proof, bugs) => {
  it.each(bugs.map((bug) => [bug.name, bug] as const))('fit the source: %s', (_name, bug) => {
    const { texts, stale } = applyPatches(bug, read);
    expect(stale).toEqual([]);
    expect([...texts].filter(([file, text]) => text === read(file)).map(([file]) => file)).toEqual([]);
  });

  it('have names that tell them apart', () => {
    expect(new Set(bugs.map(({ name }) => name)).size).toBe(bugs.length);
  });
});

describe('a patch that no longer fits', () => {
  const files = new Map([['a.ts', 'one two two']]);
  const apply = (...patches: PlantedBug['patches']) =>
    applyPatches({ name: 'a bug', patches }, (file) => files.get(file)!);

  it('is told with its file and what it looks for', () => {
    expect(apply(['a.ts', 'three', 'four']).stale).toEqual(['a.ts has changed: renew the patch of "three"']);
  });

  it('is told apart from one that fits, every occurrence of it, on top of the one before', () => {
    const { texts, stale } = apply(['a.ts', 'two', '$&'], ['a.ts', 'one $&', 'done']);
    expect(stale).toEqual([]);
    expect(texts.get('a.ts')).toBe('done $&');
  });
});
