import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { DomainError } from '@dsops/kernel';
import { attemptOf } from './attempt.js';
import { defineOutside, type Attempt, type Sent } from './channel.js';

const attempt = (send: (attempt: Attempt) => Promise<Sent>, timeoutMs = 10_000) => {
  const limits = { timeoutMs, betweenMs: 0, retries: 'brief' } as const;
  const test = async (): Promise<Sent> => ({ kind: 'delivered' });
  const channel = defineOutside({
    name: 'any',
    settings: z.strictObject({}),
    limits,
    render: () => '',
    send: test,
    test,
  });
  return attemptOf(channel, { key: 'k', number: 2 }, send);
};

describe('one attempt', () => {
  it('answers what the channel answers, which knows key, number and time', async () => {
    const answer = await attempt(async ({ key, number, signal }) => ({
      kind: 'refused',
      reason: `${key} ${number} ${signal.aborted}`,
    }));
    expect(answer).toEqual({ kind: 'refused', reason: 'k 2 false' });
  });

  it('has failed when its time is over, also when the channel does not look at it', async () => {
    const expected = { kind: 'failed', reason: 'There was no answer in 20 ms.' };
    expect(await attempt(() => new Promise(() => undefined), 20)).toEqual(expected);
    const obeying = ({ signal }: Attempt) =>
      new Promise<Sent>((_, refuse) => signal.addEventListener('abort', () => refuse(signal.reason as Error)));
    expect(await attempt(obeying, 20)).toEqual(expected);
  });

  it('has failed when the channel throws, and repeats no text that is not ours', async () => {
    const lost = new TypeError('fetch https://chat.example/canary-secret failed', {
      cause: Object.assign(new Error('connect 10.0.0.1'), { code: 'ECONNREFUSED' }),
    });
    expect(await attempt(() => Promise.reject(lost))).toEqual({
      kind: 'failed',
      reason: 'The channel could not send (ECONNREFUSED).',
    });
    expect(await attempt(() => Promise.reject(new RangeError('canary-secret')))).toEqual({
      kind: 'failed',
      reason: 'The channel could not send (RangeError).',
    });
    const ours = new DomainError('key_missing', 'refused', 'The key is missing.');
    expect(await attempt(() => Promise.reject(ours))).toEqual({ kind: 'failed', reason: 'The key is missing.' });
  });
});
