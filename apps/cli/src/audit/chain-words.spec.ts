import { describe, expect, it } from '@jest/globals';
import { blindSpotOf, chainFaults } from './chain-words.js';

const whole = {
  entries: 1921,
  head: 'abc',
  firstBroken: null,
  keptPosition: 1921,
  missing: 0,
  isRewritten: false,
  beyond: 0,
};

describe('what is said of the audit log', () => {
  it('is nothing bad of one that is whole, and what that does not show', () => {
    expect(chainFaults(whole)).toEqual([]);
    expect(blindSpotOf(whole)).toContain('both the database and the head');
    expect(blindSpotOf({ ...whole, keptPosition: null })).toContain('would not be seen');
  });

  it.each([
    [{ firstBroken: 7 }, 'Entry 7 of 1921 does not fit'],
    [{ firstBroken: 1922 }, 'Entry 1922 is missing'],
    [{ missing: 5, keptPosition: 1926 }, '5 entries are missing at the end: the log had come to entry 1926'],
    [{ isRewritten: true }, 'Entry 1921 is another one than it was'],
    [{ beyond: 2 }, '2 rows stand behind the end'],
  ])('names what is wrong: %j', (over, words) => {
    expect(chainFaults({ ...whole, ...over })).toEqual([expect.stringContaining(words)]);
  });
});
