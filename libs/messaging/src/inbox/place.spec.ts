import { describe, expect, it } from '@jest/globals';
import { byPlace, standingOf } from './place.js';

const at = (epoch: number, sequence: bigint) => ({ epoch, sequence });

describe('the standing of an event', () => {
  it.each([
    ['behind', at(1, 5n), at(1, 5n)],
    ['behind', at(1, 5n), at(1, 1n)],
    ['next', at(1, 5n), at(1, 6n)],
    ['next', at(1, 0n), at(1, 1n)],
    ['ahead', at(1, 5n), at(1, 7n)],
    ['stale', at(2, 1n), at(1, 6n)],
    ['next', at(1, 5n), at(2, 1n)],
    ['ahead', at(1, 5n), at(2, 6n)],
  ] as const)('is %s', (standing, cursor, event) => {
    expect(standingOf(cursor, event)).toBe(standing);
  });

  it('sorts by epoch first, and beyond what a double can count', () => {
    const sorted = [at(2, 1n), at(1, 9_007_199_254_740_993n), at(1, 9_007_199_254_740_992n)].toSorted(byPlace);
    expect(sorted).toEqual([at(1, 9_007_199_254_740_992n), at(1, 9_007_199_254_740_993n), at(2, 1n)]);
  });
});
