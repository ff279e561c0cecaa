import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { eventRegistry } from '@dsops/contracts/event-registry';
import { recordOf } from './event-record.js';

const ajv = new Ajv2020({ formats: { ulid: true }, keywords: ['x-topic', 'x-key', 'x-producer'], strictTypes: false });
formats.default(ajv);

/** Ways to spoil a good example: a field taken away, one too many, one of another type. */
function spoil(example: Record<string, unknown>): [string, Record<string, unknown>][] {
  const without = (name: string) => Object.fromEntries(Object.entries(example).filter(([other]) => other !== name));
  return [
    ...Object.keys(example).map((name): [string, Record<string, unknown>] => [`without ${name}`, without(name)]),
    ...Object.keys(example).map((name): [string, Record<string, unknown>] => [
      `with a list for ${name}`,
      { ...example, [name]: [[]] },
    ]),
    ['with one field too many', { ...example, password: 'x' }],
  ];
}

describe.each([...eventRegistry.values()].map((event) => [event.type, event] as const))('%s', (_type, event) => {
  const isAccepted = ajv.compile(recordOf(event));

  it('has an example that its JSON Schema and its zod schema accept', () => {
    expect(isAccepted(event.example)).toBe(true);
    expect(event.data.safeParse(event.example).success).toBe(true);
  });

  it('is judged alike by both, whatever is wrong with it', () => {
    for (const [how, data] of spoil(event.example as Record<string, unknown>))
      expect([how, isAccepted(data)]).toEqual([how, event.data.safeParse(data).success]);
    expect(isAccepted({ ...(event.example as object), password: 'x' })).toBe(false);
  });
});
