import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineOperation, isKeyed, METHODS, type Method, type Operation } from '@dsops/contracts/define-operation';
import { createApiKey } from '@dsops/contracts/gateway/api';
import { asProblem, startTestGateway, type TestGateway } from './gateway-fixture.js';

const thing = (method: Method, status: Operation['status'] = 200, path = '/things/{name}') =>
  defineOperation({
    id: `${method} ${path}`,
    method,
    path,
    service: 'rotation',
    tag: 'things',
    role: 'operator',
    status,
    summary: 'For this spec',
    params: z.object({ name: z.string().max(5) }),
    ...(method === 'GET' || method === 'DELETE' ? {} : { body: z.strictObject({ size: z.int() }) }),
    response: z.object({ ok: z.literal(true) }),
  });
const all = METHODS.map((method) => [method, thing(method)] as const);
const making = (['PUT', 'PATCH'] as const).map((method) => [method, thing(method, 202, '/works/{name}')] as const);
/** Creations a minute: as many as the keys that are made here. */
const LIMIT = 3;
const alone = thing('PUT', 200, '/places/{name}');

describe('an operation of any method', () => {
  let gateway: TestGateway;
  let viewer: string;
  beforeAll(async () => {
    const operations = [...[...all, ...making].map(([, operation]) => operation), alone, createApiKey];
    gateway = await startTestGateway({ operations, tuning: { creationsPerMinute: LIMIT } });
    viewer = (await gateway.keyOf('viewer')).key;
  });
  afterAll(() => gateway.close());

  const requestOf = (operation: Operation, size: unknown = 1, name = 'a/b') =>
    ({ params: { name }, ...(operation.body && { body: { size } }) }) as object;

  it.each(all)('is handed on by %s, with its input and, if it is no repetition by itself, its key', async (_, one) => {
    const headers = { 'idempotency-key': `key-${one.method}` };
    const reply = await gateway.call(one, requestOf(one), { headers });
    expect(gateway.stub.violations).toEqual([]);
    expect(reply).toMatchObject({ status: 200, body: { ok: true } });
    const [received] = gateway.stub.of(one);
    expect(received).toMatchObject({ params: { name: 'a/b' }, ...(one.body && { body: { size: 1 } }) });
    expect(received?.headers['idempotency-key']).toBe(isKeyed(one.method) ? `key-${one.method}` : undefined);
  });

  it.each(all.filter(([, { body }]) => body !== undefined))(
    'is checked and needs its role by %s, before a service hears of it',
    async (_, one) => {
      gateway.stub.received.length = 0;
      const wrong = asProblem(await gateway.call(one, requestOf(one, 'large', 'much too long')));
      expect(wrong).toMatchObject({ status: 400, code: 'request_invalid' });
      expect(wrong.errors?.map(({ path }) => path)).toEqual(['path.name', 'size']);
      expect(asProblem(await gateway.call(one, requestOf(one), { key: viewer }))).toMatchObject({
        code: 'role_missing',
      });
      expect(gateway.stub.received).toEqual([]);
    },
  );

  it.each(making)('counts as a creation by %s when it starts work', async (_, one) => {
    const { key } = await gateway.keyOf('operator');
    for (let made = 0; made < LIMIT; made++)
      expect((await gateway.call(one, requestOf(one), { key })).status).toBe(202);
    expect(asProblem(await gateway.call(one, requestOf(one), { key }))).toMatchObject({ code: 'rate_limited' });
  });

  it('is refused by a method that its path does not take, with those that it does', async () => {
    const authorization = `Bearer ${gateway.adminKey}`;
    const refused = await gateway.fetch('/api/v1/places/x', { method: 'PATCH', headers: { authorization } });
    expect(refused.headers.get('allow')).toBe(alone.method);
    expect(asProblem(refused)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    const lost = await gateway.fetch('/api/v1/nothing/x', { method: 'PUT', headers: { authorization } });
    expect(asProblem(lost)).toMatchObject({ status: 404, code: 'path_unknown' });
  });
});
