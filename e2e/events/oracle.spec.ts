import { describe, expect, it } from '@jest/globals';
import { compare } from './oracle.js';

const effect = (key: string, sequence: number, command = `do ${sequence}`) => ({
  key,
  sequence: String(sequence),
  command,
});
const expected = ['a do 1', 'a do 2', 'a do 3', 'b do 1'];
const SOUND = { lost: [], doubled: [], outOfOrder: [], strange: [] };

describe('the oracle of the event proofs', () => {
  it('finds nothing where each effect is there once, in the order of its key', () => {
    expect(compare(expected, [effect('a', 1), effect('b', 1), effect('a', 2), effect('a', 3)])).toEqual(SOUND);
  });

  it('finds what is missing, also the last of a key', () => {
    const found = compare(expected, [effect('a', 1), effect('a', 2), effect('b', 1)]);
    expect(found).toEqual({ ...SOUND, lost: ['a do 3'] });
  });

  it('finds a second effect, and does not take it for disorder', () => {
    const all = [effect('a', 1), effect('a', 2), effect('a', 1), effect('a', 3), effect('b', 1)];
    expect(compare(expected, all)).toEqual({ ...SOUND, doubled: ['a do 1'] });
  });

  it('finds what was applied too early, and what came after it', () => {
    const all = [effect('a', 2), effect('a', 1), effect('a', 3), effect('b', 1)];
    expect(compare(expected, all)).toEqual({ ...SOUND, outOfOrder: ['a do 2: 2 after 0', 'a do 1: 1 after 2'] });
  });

  it('finds what nobody has asked for', () => {
    const all = [effect('a', 1), effect('a', 2), effect('a', 3), effect('b', 1), effect('b', 2, 'other')];
    expect(compare(expected, all)).toEqual({ ...SOUND, strange: ['b other'] });
  });
});
