import { describe, expect, it } from '@jest/globals';
import { eventRegistry } from '@dsops/contracts/event-registry';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { judge } from './judge.js';

const body = {
  specversion: '1.0',
  id: '01JD0000000000000000000001',
  source: '/dsops/rotation',
  type: rotationStarted.type,
  subject: 'rotation/1',
  time: '2026-11-21T12:00:00.000Z',
  datacontenttype: 'application/json',
  partitionkey: 'a',
  sequence: '7',
  epoch: 1,
  data: rotationStarted.example,
};
const judged = (change: object, topic: string = rotationStarted.topic) =>
  judge({ topic, body: { ...body, ...change } }, eventRegistry);

describe('a delivery', () => {
  it('with a known type and a body of its contract is an event at its place', () => {
    const result = judged({});
    expect(result).toMatchObject({ arrival: { key: 'a', epoch: 1, sequence: 7n, id: body.id, fault: undefined } });
    expect('arrival' in result && result.arrival.event?.data).toEqual(rotationStarted.example);
  });

  it.each([
    [
      'an unknown type',
      judged({ type: 'dsops.rotation.rotation.exploded.v1' }),
      'Its type is unknown to this release.',
    ],
    [
      'a body that breaks its contract',
      judged({ data: { ...rotationStarted.example, trigger: 'hunter2' } }),
      'It breaks the contract of its type at trigger.',
    ],
    ['a type on a foreign topic', judged({}, 'access-events'), 'Its type belongs to the topic rotation-events.'],
  ])('with %s has a place and a fault, which quotes nothing of it', (_, result, fault) => {
    expect(result).toMatchObject({ arrival: { sequence: 7n, event: undefined, fault } });
  });

  it.each([
    [undefined],
    [null],
    ['text'],
    [{}],
    [{ ...body, sequence: '0' }],
    [{ ...body, sequence: 7 }],
    [{ ...body, epoch: 0 }],
  ])('that is no CloudEvent of ours has no place: %j', (foreign) => {
    const result = judge({ topic: 'rotation-events', body: foreign }, eventRegistry);
    expect(result).toMatchObject({
      unreadable: { topic: 'rotation-events', id: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(judge({ topic: 'rotation-events', body: foreign }, eventRegistry)).toEqual(result);
  });

  it('with a NUL in its coordinates can still be stored', () => {
    const result = judged({ partitionkey: 'a\u0000b', type: 'x\u0000' });
    expect(result).toMatchObject({ arrival: { key: 'a\uFFFDb', type: 'x\uFFFD' } });
  });
});
