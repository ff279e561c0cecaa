import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { EventDefinition } from '@dsops/contracts/define-event';
import { actorSchema, systemActor } from '@dsops/contracts/principal';
import { compareEvents, nextVersionOf } from './compatibility.js';
import { recordOf } from './event-record.js';

const fields = {
  rotationId: z.ulid(),
  at: z.iso.datetime(),
  outcome: z.enum(['accepted', 'refused']),
  durationMs: z.number().nonnegative(),
  version: z.string().nullable(),
  note: z.string().max(100).optional(),
  known: z.record(z.string(), z.enum(['accepted', 'refused'])),
  accepted: z.array(z.string()),
  place: z.strictObject({ host: z.string(), port: z.int().optional() }),
};

const record = (changed: z.ZodRawShape = {}, coordinates: Partial<EventDefinition> = {}) =>
  recordOf({
    type: 'dsops.test.thing.happened.v1',
    topic: 'rotation-events',
    producer: 'rotation',
    key: 'service id',
    description: 'Something happened.',
    example: { actor: systemActor },
    data: z.strictObject({ ...fields, ...changed, actor: actorSchema }),
    ...coordinates,
  });

const without = (name: keyof typeof fields) => {
  const { [name]: _gone, ...rest } = fields;
  return recordOf({ ...definitionOf(z.strictObject({ ...rest, actor: actorSchema })) });
};
const definitionOf = (data: z.ZodType): EventDefinition => ({
  type: 'dsops.test.thing.happened.v1',
  topic: 'rotation-events',
  producer: 'rotation',
  key: 'service id',
  description: 'Something happened.',
  example: { actor: systemActor },
  data,
});

describe('a change of an event that exists', () => {
  it.each([
    ['a field removed', without('note'), 'note', 'it was removed'],
    ['a field of another type', record({ durationMs: z.string() }), 'durationMs', 'its type was'],
    ['a number made whole', record({ durationMs: z.int().nonnegative() }), 'durationMs', 'its type was'],
    ['a new field that is required', record({ added: z.string() }), 'added', 'it is new and required'],
    ['an optional field made required', record({ note: z.string().max(100) }), 'note', 'it is required now'],
    ['a required field made optional', record({ at: z.iso.datetime().optional() }), 'at', 'it may be absent now'],
    ['a value taken from an enum', record({ outcome: z.enum(['accepted']) }), 'outcome', '"refused" may no longer'],
    ['a free text made an enum', record({ note: z.enum(['a']).optional() }), 'note', 'only ["a"]'],
    ['null taken away', record({ version: z.string() }), 'version', 'its type was'],
    ['a limit made narrower', record({ note: z.string().max(50).optional() }), 'note', 'maxLength was 100'],
    ['a limit where was none', record({ durationMs: z.number().nonnegative().max(9) }), 'durationMs', 'maximum was'],
    ['another format', record({ at: z.iso.date() }), 'at', 'format was "date-time"'],
    [
      'a record of narrower values',
      record({ known: z.record(z.string(), z.enum(['accepted'])) }),
      'known.*',
      '"refused"',
    ],
    ['a list of something else', record({ accepted: z.array(z.int()) }), 'accepted[]', 'its type was'],
    [
      'something deep inside',
      record({ place: z.strictObject({ host: z.int(), port: z.int().optional() }) }),
      'place.host',
      'its type was',
    ],
    ['another topic', record({}, { topic: 'access-events' }), '', 'its topic was "rotation-events"'],
    ['another key', record({}, { key: 'credential id' }), '', 'its key was "service id"'],
    ['another producer', record({}, { producer: 'gateway' }), '', 'its producer was "rotation"'],
  ])('is refused: %s', (_what, present, path, message) => {
    const changes = compareEvents(record(), present);
    expect(changes).toContainEqual(
      expect.objectContaining({ level: 'breaking', path, message: expect.stringContaining(message) }),
    );
  });

  it.each([
    ['a new optional field', record({ added: z.string().optional() }), 'added'],
    ['a new value of an enum', record({ outcome: z.enum(['accepted', 'refused', 'errored']) }), 'outcome'],
    ['a wider limit', record({ note: z.string().max(200).optional() }), 'note'],
    ['a limit dropped', record({ note: z.string().optional() }), 'note'],
  ])('reaches consumers before producers: %s', (_what, present, path) =>
    expect(compareEvents(record(), present)).toMatchObject([{ level: 'consumers-first', path }]),
  );

  it('may say itself in better words', () =>
    expect(compareEvents(record(), record({}, { description: 'Something happened, at last.', example: {} }))).toEqual(
      [],
    ));

  it('is said by the next version of the type', () =>
    expect(nextVersionOf('dsops.test.thing.happened.v9')).toBe('dsops.test.thing.happened.v10'));
});
