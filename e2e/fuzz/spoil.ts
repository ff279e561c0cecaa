import fc from 'fast-check';
import type { Draft } from './draft.js';
import { Known } from './draft.js';
import { ODD_STRINGS, oddValue, TEXTS } from './values.js';

/** One thing that is done to a request. `choice` picks the place, whatever is there. */
export type Spoiling =
  | { readonly kind: 'field'; readonly choice: number; readonly value: unknown }
  | { readonly kind: 'missing-field'; readonly choice: number }
  | { readonly kind: 'unknown-field'; readonly name: string; readonly value: unknown }
  | { readonly kind: 'whole-body'; readonly value: unknown }
  | { readonly kind: 'raw-body'; readonly text: string }
  | { readonly kind: 'no-body' }
  | { readonly kind: 'content-type'; readonly value: string | undefined }
  | { readonly kind: 'param'; readonly choice: number; readonly value: string }
  | { readonly kind: 'query'; readonly choice: number; readonly value: string }
  | { readonly kind: 'query-twice'; readonly choice: number }
  | { readonly kind: 'odd-query'; readonly name: string; readonly value: string }
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  | { readonly kind: 'method'; readonly method: string }
  | { readonly kind: 'path'; readonly ending: string };

const RAW_BODIES = [
  '',
  '{',
  '{"a":',
  'null',
  '"text"',
  '[]',
  '0',
  'nul',
  '{"a":1}{"b":2}',
  '\ufeff{}',
  '{"a":1,}',
  "{'a':1}",
  'a=b&c=d',
  '{"__proto__":{"admin":true}}',
  '{"a":"\\ud800"}',
  '{"reason":"\\u0000"}',
  '[['.repeat(20_000),
  '{"a":'.repeat(20_000),
  `{"reason":"${'x'.repeat(1_100_000)}"}`,
  '\u0000\u0001',
  '<a/>',
] as const;
const CONTENT_TYPES = [
  undefined,
  '',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-16',
  'application/json; charset=nonsense',
  'application/json; charset="',
  'application/cloudevents+json',
  'application/problem+json',
  'json',
  '/',
  'application/json, text/plain',
] as const;
const ENDINGS = [
  '/',
  '//',
  '/x',
  '/../..',
  '/%2e%2e/',
  '%00',
  '%',
  '/%ff',
  '.json',
  ';a=b',
  '#x',
  '/..%2f..%2fetc',
  '/%e2%80%ae',
  '/' + 'x'.repeat(5000),
] as const;

/** What strangers and proxies send, and what only our own services may. */
const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  ['idempotency-key', ['', ' ', 'a b', 'ü', 'x'.repeat(255), 'x'.repeat(256), 'fuzz-1', 'fuzz-2', 'fuzz-3']],
  ['dsops-client', ['cli/0.0.1', 'cli/999999.9.9', 'cli/9999999.1.1', 'cli/', '', 'ü', 'x'.repeat(4000)]],
  ['last-event-id', ['0', '-1', '1e3', '99999999999999999999', 'abc', '', '0x1']],
  [
    'authorization',
    ['', 'Bearer', 'Bearer ', 'Basic YTpi', 'Bearer ü', 'bearer x', `Bearer ${'x'.repeat(5000)}`, 'Bearer a b'],
  ],
  [
    'dsops-caller',
    ['', 'e30', Buffer.from('{"actor":{"kind":"system","id":"x","name":"x"},"role":"admin"}').toString('base64url')],
  ],
  ['dapr-api-token', ['', 'x', 'undefined']],
  ['dsops-request-id', ['x', '00000000000000000000000000', 'x'.repeat(2000)]],
  ['traceparent', ['00-00000000000000000000000000000000-0000000000000000-00', 'x', '00-ü']],
  ['content-encoding', ['gzip', 'br', 'deflate', 'identity', 'nonsense']],
  ['accept', ['text/html', 'application/xml', '*/*;q=0', '']],
  ['accept-encoding', ['gzip', 'nonsense']],
  ['x-forwarded-for', ['127.0.0.1', 'x'.repeat(1000)]],
  ['x-http-method-override', ['DELETE', 'GET']],
  ['if-none-match', ['*', '"x"']],
  ['range', ['bytes=0-0', 'bytes=9-1']],
  ['cookie', ['a=b; __proto__=x']],
  ['origin', ['null', 'https://example.invalid']],
];

const choice = fc.nat(1000);
const oddText = fc.constantFrom(...ODD_STRINGS);
/** In the place of a value: another type, or a text that is one and means something else. */
const other = fc.oneof(
  { weight: 2, arbitrary: oddValue },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(...TEXTS) },
);

const oneSpoiling: fc.Arbitrary<Spoiling> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('field' as const), choice, value: other }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('missing-field' as const), choice }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('unknown-field' as const),
      name: fc.constantFrom('extra', '__proto__', 'constructor', '', 'a.b', '\u0000'),
      value: oddValue,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('whole-body' as const), value: oddValue }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('raw-body' as const), text: fc.constantFrom(...RAW_BODIES) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'no-body' } as const) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('content-type' as const), value: fc.constantFrom(...CONTENT_TYPES) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('param' as const), choice, value: oddText }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('query' as const), choice, value: oddText }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('query-twice' as const), choice }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('odd-query' as const),
      name: fc.constantFrom('extra', 'a[b]', 'a[]', '__proto__', '%', ''),
      value: oddText,
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(...HEADERS)
      .chain(([name, values]) => fc.constantFrom(...values).map((value) => ({ kind: 'header', name, value }) as const)),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('method' as const),
      method: fc.constantFrom('HEAD', 'PUT', 'PATCH', 'OPTIONS', 'DELETE', 'POST', 'GET', 'TRACE', 'PROPFIND'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('path' as const), ending: fc.constantFrom(...ENDINGS) }) },
);

/** None in a third of all requests, else one or two: two faults together find what each alone does not. */
export const spoilings: fc.Arbitrary<readonly Spoiling[]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  { weight: 3, arbitrary: fc.array(oneSpoiling, { minLength: 1, maxLength: 1 }) },
  { weight: 1, arbitrary: fc.array(oneSpoiling, { minLength: 2, maxLength: 2 }) },
);

/** Does one thing to a draft, and writes down what. What does not apply leaves the draft as it is. */
export function spoil(draft: Draft, how: Spoiling): Draft {
  const after = change(draft, how);
  return after === undefined ? draft : { ...draft, ...after, spoiled: [...draft.spoiled, how.kind] };
}

function change(draft: Draft, how: Spoiling): Partial<Draft> | undefined {
  switch (how.kind) {
    case 'field':
      return changeField(draft, how.choice, () => how.value);
    case 'missing-field':
      return changeField(draft, how.choice, () => undefined);
    case 'unknown-field':
      if (draft.body.kind !== 'json' || !isObject(draft.body.value)) return undefined;
      // With a literal `__proto__` the field would not be there.
      return json(Object.fromEntries([...Object.entries(draft.body.value), [how.name, how.value]]));
    case 'whole-body':
      return json(how.value);
    case 'raw-body':
      return { body: { kind: 'raw', text: how.text }, contentType: draft.contentType ?? 'application/json' };
    case 'no-body':
      return draft.body.kind === 'none' ? undefined : { body: { kind: 'none' } };
    case 'content-type':
      return { contentType: how.value };
    case 'param': {
      const names = Object.keys(draft.params);
      const name = names[how.choice % names.length];
      return name === undefined ? undefined : { params: { ...draft.params, [name]: how.value } };
    }
    case 'query': {
      const names = draft.endpoint.query.map((field) => field.name);
      const name = names[how.choice % names.length];
      return name === undefined
        ? undefined
        : { query: [...draft.query.filter(([other]) => other !== name), [name, how.value]] };
    }
    case 'query-twice': {
      const again = draft.query[how.choice % draft.query.length];
      return again === undefined ? undefined : { query: [...draft.query, again] };
    }
    case 'odd-query':
      return { query: [...draft.query, [how.name, how.value]] };
    case 'header':
      return { headers: [...draft.headers.filter(([name]) => name !== how.name), [how.name, how.value]] };
    case 'method':
      return how.method === draft.method ? undefined : { method: how.method };
    case 'path':
      return { path: `${draft.path}${how.ending}` };
  }
}

const json = (value: unknown): Partial<Draft> => ({ body: { kind: 'json', value }, contentType: 'application/json' });
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Known);

/** Changes one field anywhere in the body; one that becomes undefined is left out. */
function changeField({ body }: Draft, choice: number, to: () => unknown): Partial<Draft> | undefined {
  if (body.kind !== 'json' || !isObject(body.value)) return undefined;
  const places = placesIn(body.value);
  const place = places[choice % places.length];
  return place === undefined ? undefined : json(replaceAt(body.value, place, to()));
}

/** Fields and elements, with those of fields and elements. */
function placesIn(value: object, above: readonly string[] = []): (readonly string[])[] {
  return Object.entries(value).flatMap(([name, part]: [string, unknown]) => [
    [...above, name],
    ...(isObject(part) || Array.isArray(part) ? placesIn(part, [...above, name]) : []),
  ]);
}

function replaceAt(value: unknown, [name, ...below]: readonly string[], to: unknown): unknown {
  if (name === undefined) return to;
  if (Array.isArray(value))
    return value.map((part: unknown, at) => (String(at) === name ? replaceAt(part, below, to) : part));
  const fields = value as Record<string, unknown>;
  return { ...fields, [name]: replaceAt(fields[name], below, to) };
}
