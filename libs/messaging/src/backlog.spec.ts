import { describe, expect, it } from '@jest/globals';
import { judgeBacklog } from './backlog.js';

const of = (what: 'unsent' | 'parked' | 'letters' | 'alarms' | 'deliveries', amount: number, oldestS = 0) => ({
  what,
  consumer: 'audit',
  amount,
  oldestS,
});

describe('a backlog', () => {
  it('is none while everything waits its turn', () => {
    expect(
      judgeBacklog([of('unsent', 40, 2), of('parked', 3, 10), of('deliveries', 9, 59), of('letters', 0)]),
    ).toBeNull();
  });

  it.each([
    ['parked events that stay', of('parked', 9, 600), 'events_parked', '9 events wait at the consumer audit'],
    ['dead letters', of('letters', 1), 'dead_letters_open', '1 events were given up'],
    ['events that are missed', of('alarms', 2), 'event_alarms', 'audit misses events'],
    ['a consumer that is behind', of('deliveries', 400, 120), 'consumer_behind', 'the oldest for 2 min'],
    ['events that nobody takes', of('unsent', 12, 3_600), 'events_unsent', 'the oldest for 60 min'],
  ])('is told of %s, with what to do', (_, backlog, code, words) => {
    const trouble = judgeBacklog([of('unsent', 1, 1), backlog]);
    expect(trouble).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(trouble?.remedy).not.toBe('');
  });
});
