import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineOperation } from '@dsops/contracts/define-operation';
import { parseInput } from './operation.js';

const operation = defineOperation({
  id: 'tell',
  method: 'POST',
  path: '/things/{thing}',
  service: 'gateway',
  tag: 'things',
  role: 'viewer',
  status: 200,
  summary: 'For this spec',
  params: z.object({ thing: z.string() }),
  query: z.strictObject({ filter: z.string().optional() }),
  body: z.strictObject({
    names: z.array(z.string()),
    inner: z.strictObject({ reason: z.string().optional() }).default({}),
  }),
  response: z.object({}),
});
const parse = (request: { thing?: string; filter?: string; body?: unknown }) =>
  parseInput(operation, {
    params: { thing: request.thing ?? 'x' },
    query: request.filter === undefined ? {} : { filter: request.filter },
    body: request.body ?? { names: [] },
  });

describe('the input of an operation', () => {
  it('is what the contract makes of it, defaults included', () =>
    expect(parse({ filter: 'ü 🗝️', body: { names: ['a'] } })).toEqual({
      params: { thing: 'x' },
      query: { filter: 'ü 🗝️' },
      body: { names: ['a'], inner: {} },
    }));

  it.each([
    ['a zero character in a path', { thing: 'a\0b' }, 'path.thing', 'must hold no zero character'],
    ['a zero character in a query', { filter: '\0' }, 'query.filter', 'must hold no zero character'],
    ['a zero character in a list', { body: { names: ['a', '\0'] } }, 'names.1', 'must hold no zero character'],
    [
      'half a character',
      { body: { names: [], inner: { reason: 'a\ud800' } } },
      'inner.reason',
      'must hold no half of a character',
    ],
  ])('may not hold %s, which no database stores', (_, request, path, message) =>
    expect(() => parse(request)).toThrow(
      expect.objectContaining({
        code: 'request_invalid',
        kind: 'invalid',
        details: expect.objectContaining({ errors: [{ path, message }] }),
      }),
    ),
  );
});
