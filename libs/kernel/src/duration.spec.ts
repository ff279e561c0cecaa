import { describe, expect, it } from '@jest/globals';
import { formatDuration, parseDuration } from './duration.js';

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['250ms', 250],
    ['45', 45_000],
    [2, 2_000],
  ])('reads %s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', 'soon', '10 minutes', '5x', '-3s', '1h later'])('refuses %j and says how to write it', (text) =>
    expect(() => parseDuration(text)).toThrow(/is not a duration/),
  );

  it.each([
    [12, '12 ms'],
    [4_210, '4.2 s'],
    [200_000, '3m 20s'],
    [604_800_000, '7d'],
  ])('words %d ms as %s', (ms, words) => expect(formatDuration(ms)).toBe(words));
});
