import { describe, expect, it } from '@jest/globals';
import type { Sent } from '../channels/channel.js';
import { RETRY_POLICIES, type DeliveryRetryPolicy } from '../channels/retry-policy.js';
import { afterAttempt, beforeAttempt, type Waiting } from './delivery.js';

const POLICY: DeliveryRetryPolicy = { delaysMs: [1_000, 5_000], giveUpAfterMs: 60_000 };
const SINCE = new Date('2026-11-21T12:00:00.000Z');
const after = (ms: number) => new Date(SINCE.getTime() + ms);

const waiting = (over: Partial<Waiting> = {}): Waiting => ({
  attempts: 1,
  waitingSince: SINCE,
  lastFailure: null,
  hasDestinationEnded: false,
  ...over,
});
const failed: Sent = { kind: 'failed', reason: 'It answered 500.' };
const limited = (retryAfterMs: number | null): Sent => ({ kind: 'limited', reason: 'Too many.', retryAfterMs });

describe('a delivery that was claimed', () => {
  it('is sent while it has an attempt and time', () => {
    expect(beforeAttempt(waiting({ attempts: 3 }), POLICY, after(60_000))).toEqual({ kind: 'send' });
  });

  it('is suppressed when its destination has ended, however old it is', () => {
    const ended = waiting({ hasDestinationEnded: true, attempts: 9 });
    expect(beforeAttempt(ended, POLICY, after(99_000))).toEqual({
      kind: 'suppressed',
      reason: 'The destination was removed before it could be delivered.',
    });
  });

  it('is given up when it is too old, with the last failure', () => {
    expect(beforeAttempt(waiting({ lastFailure: 'It answered 500.' }), POLICY, after(60_001))).toEqual({
      kind: 'dead_lettered',
      reason: 'It could not be delivered in 1m: It answered 500.',
    });
  });

  it('is given up when each attempt ended with its process', () => {
    expect(beforeAttempt(waiting({ attempts: 4 }), POLICY, after(1))).toEqual({
      kind: 'dead_lettered',
      reason: 'Attempt 3 was the last: No attempt came to an end.',
    });
  });
});

describe('an attempt', () => {
  it('that the medium took ends it', () => {
    expect(afterAttempt({ kind: 'delivered' }, waiting(), POLICY, SINCE)).toEqual({ kind: 'delivered' });
  });

  it('that failed is followed by the next, a longer wait each time, until there is none', () => {
    const follow = [1, 2, 3].map((attempts) => afterAttempt(failed, waiting({ attempts }), POLICY, SINCE));
    expect(follow).toEqual([
      { kind: 'again', afterMs: 1_000, failure: 'It answered 500.', isPause: false },
      { kind: 'again', afterMs: 5_000, failure: 'It answered 500.', isPause: false },
      { kind: 'dead_lettered', reason: 'Attempt 3 was the last: It answered 500.' },
    ]);
  });

  it('that was refused is the last', () => {
    expect(afterAttempt({ kind: 'refused', reason: 'There is no such room.' }, waiting(), POLICY, SINCE)).toEqual({
      kind: 'dead_lettered',
      reason: 'There is no such room.',
    });
  });

  it('is put off as the medium asks, by half a minute when it does not say, and never at once', () => {
    const pauseOf = (told: number | null) => afterAttempt(limited(told), waiting({ attempts: 3 }), POLICY, SINCE);
    expect(pauseOf(3_000)).toEqual({ kind: 'again', afterMs: 3_000, failure: 'Too many.', isPause: true });
    expect(pauseOf(null)).toMatchObject({ afterMs: 30_000 });
    expect(pauseOf(0)).toMatchObject({ afterMs: 1_000 });
  });

  it('is given up when the pause would outlast it', () => {
    expect(afterAttempt(limited(30_000), waiting(), POLICY, after(30_000))).toMatchObject({ kind: 'again' });
    expect(afterAttempt(limited(30_000), waiting(), POLICY, after(30_001))).toEqual({
      kind: 'dead_lettered',
      reason: 'The pause that was asked for is longer than it can wait: Too many.',
    });
  });
});

describe.each(Object.entries<DeliveryRetryPolicy>(RETRY_POLICIES))(
  'the retry policy %s',
  (_, { delaysMs, giveUpAfterMs }) => {
    it('waits longer each time, and makes every attempt before it gives up', () => {
      expect(delaysMs).toEqual(delaysMs.toSorted((a, b) => a - b));
      expect(delaysMs.reduce((sum, ms) => sum + ms)).toBeLessThan(giveUpAfterMs);
    });
  },
);
