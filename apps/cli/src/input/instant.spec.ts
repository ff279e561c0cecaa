import { describe, expect, it } from '@jest/globals';
import { sinceOf, untilOf } from './instant.js';

const now = new Date('2026-11-21T14:30:00.000Z');

describe('--since and --until', () => {
  it.each([
    ['2026-11-20', '2026-11-20T00:00:00.000Z', '2026-11-20T23:59:59.999Z'],
    ['2026-Q1', '2026-01-01T00:00:00.000Z', '2026-03-31T23:59:59.999Z'],
    ['2024-q4', '2024-10-01T00:00:00.000Z', '2024-12-31T23:59:59.999Z'],
    ['24h', '2026-11-20T14:30:00.000Z', '2026-11-20T14:30:00.000Z'],
    ['7d', '2026-11-14T14:30:00.000Z', '2026-11-14T14:30:00.000Z'],
    ['2026-11-20T10:00:00+02:00', '2026-11-20T08:00:00.000Z', '2026-11-20T08:00:00.000Z'],
  ])('read %s', (text, since, until) => {
    expect(sinceOf(text, now)).toBe(since);
    expect(untilOf(text, now)).toBe(until);
  });

  it.each(['yesterday', '2026-02-30', '2026-13-01', '2026-Q5', '12', '5 parsecs'])('refuse %j', (text) =>
    expect(() => sinceOf(text, now)).toThrow(/--since is not a time/),
  );
});
