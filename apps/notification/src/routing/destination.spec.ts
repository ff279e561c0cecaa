import { describe, expect, it } from '@jest/globals';
import { routeTo } from './destination.js';

const destination = { recipientId: null, kinds: [], hasEnded: false };

describe('a notice is', () => {
  it('delivered to a destination that wants all kinds, or this one', () => {
    expect(routeTo(destination, 'started')).toEqual({ kind: 'deliver' });
    expect(routeTo({ ...destination, kinds: ['failed', 'started'] }, 'started')).toEqual({ kind: 'deliver' });
  });

  it('suppressed, with the reason, where it is not wanted or nobody is any more', () => {
    const reasonAt = (over: Partial<Parameters<typeof routeTo>[0]>) => routeTo({ ...destination, ...over }, 'started');
    expect(reasonAt({ kinds: ['failed'] })).toEqual({
      kind: 'suppress',
      reason: 'The destination wants no notices of the kind started.',
    });
    expect(reasonAt({ hasEnded: true })).toEqual({
      kind: 'suppress',
      reason: 'The destination was removed before it could be delivered.',
    });
    expect(reasonAt({ hasEnded: true, recipientId: 'ada' })).toEqual({
      kind: 'suppress',
      reason: 'The recipient was revoked before it could be delivered.',
    });
  });
});
