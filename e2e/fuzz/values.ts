import fc from 'fast-check';
import type { Schema } from './contract.js';

/** Values that a schema allows. Bounds are met on purpose: an off-by-one stands at the edge. */
export function validValue(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const { type, items = {}, minItems = 0, maxItems = 3 } = schema;
  if (type === 'string') return validString(schema);
  if (type === 'integer' || type === 'number') return validInteger(schema);
  if (type === 'boolean') return fc.boolean();
  if (type === 'array') return fc.array(validValue(items), { minLength: minItems, maxLength: maxItems });
  if (type === 'object') return validObject(schema);
  return fc.jsonValue({ maxDepth: 2 });
}

function validObject({ properties = {}, required = [] }: Schema): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, validValue(schema)]));
  return fc.record(fields, { requiredKeys: [...required] });
}

function validInteger({ minimum = -(2 ** 31), maximum = 2 ** 31 }: Schema): fc.Arbitrary<number> {
  return fc.oneof(fc.constantFrom(minimum, maximum), fc.integer({ min: minimum, max: maximum }));
}

/** Also the edges of the calendar; it has no year 0, although `format: date-time` does. */
const instant = fc.oneof(
  fc
    .date({ min: new Date('2020-01-01'), max: new Date('2035-01-01'), noInvalidDate: true })
    .map((at) => at.toISOString()),
  fc.constantFrom('0001-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '2024-02-29T12:00:00Z'),
);

/** Texts that somebody might well type, and that mean something somewhere on the way. */
export const TEXTS = [
  'SELECT 1',
  '30s',
  '10m',
  '1h',
  '250ms',
  '0s',
  '7d',
  '1.5h',
  '99999999999w',
  '-1s',
  'service',
  'login',
  'true',
  '0',
  '1',
  "a'b",
  '%',
  '_',
  '\\',
  '🗝️',
  'ü',
  'ⅷ',
  'a b',
  '-',
  '.',
] as const;

/** How a made up secret begins, which occurs nowhere else, so that it can be looked for in answers. */
export const PLANTED = 'planted-';

function validString({ format, pattern, writeOnly, minLength = 0, maxLength = 300 }: Schema): fc.Arbitrary<string> {
  if (writeOnly === true) return fc.uuid().map((id) => `${PLANTED}'%"${id}`);
  if (format === 'date-time') return instant;
  if (format === 'ulid') return fc.ulid();
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  // The zero character is refused everywhere, which no schema says: it is among the odd ones.
  const fits = (text: string) => text.length >= minLength && text.length <= maxLength && !text.includes('\0');
  const fitting = TEXTS.filter(fits);
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...fitting) },
    {
      weight: 2,
      arbitrary: fc.string({ minLength, maxLength: Math.min(maxLength, 40), unit: 'grapheme' }).filter(fits),
    },
    { weight: 1, arbitrary: fc.string({ minLength, maxLength: Math.min(maxLength, 40), unit: 'binary' }).filter(fits) },
    { weight: 1, arbitrary: fc.constantFrom(minLength, maxLength).map((length) => 'x'.repeat(length)) },
  );
}

const nested = (depth: number, open: string, close: string) =>
  JSON.parse(open.repeat(depth) + close.repeat(depth)) as unknown;

/** Strings that break what does not expect them: controls, halves of characters, other calendars, ways out of a folder. */
export const ODD_STRINGS: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\u0007\u001b[31m',
  'line\r\nbreak: yes',
  '\ud800',
  'x\udc00y',
  '\ufeff\u202e',
  '\uffff',
  'e\u0301'.repeat(50),
  "' or 1=1; --",
  '../../../etc/passwd',
  '%00',
  '${7*7}',
  '{{7*7}}',
  '__proto__',
  'constructor',
  'null',
  'undefined',
  'NaN',
  '1e999',
  '0x10',
  '٣',
  '99999999999999999999',
  '-1',
  '2026-02-30T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  '2026-11-21T12:00:00+02:00',
  '00000000000000000000000000',
  '7ZZZZZZZZZZZZZZZZZZZZZZZZZ',
  'x'.repeat(10_000),
  '🗝️'.repeat(2_000),
];

/** Values of any type, of which most fit nowhere. */
export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...ODD_STRINGS) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(
      null,
      true,
      false,
      0,
      -1,
      0.5,
      65_536,
      2 ** 53,
      -(2 ** 63),
      1e308,
      1e-7,
      [],
      {},
      [[]],
      [null],
      { length: 1 },
      ['x', 'y'],
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(10, 500).map((depth) => nested(depth, '[', ']')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);
