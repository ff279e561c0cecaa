import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createApiKey, getSystem, listApiKeys, revokeApiKey } from '@dsops/contracts/gateway/api';
import { newId, type Clock } from '@dsops/kernel';
import { FakeClock } from '@dsops/testing';
import { asProblem, eventually, startTestGateway, type TestGateway } from './gateway-fixture.js';

/** Stands still as people see it and runs as machines do. */
const clock = new (class extends FakeClock implements Clock {
  override monotonicMs = () => performance.now();
})();

describe('API keys', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ clock });
  });
  afterAll(() => gateway.close());

  const events = async (type: string) =>
    (
      await gateway.sql.query<{ key: string; data: unknown }>(
        'select key, data from gateway.outbox where type = $1 order by position',
        [type],
      )
    ).rows;

  it('open the API', async () => {
    const { key } = await gateway.keyOf('viewer');
    expect(key).toMatch(/^dsops_[0-9A-Z]{26}_[A-Za-z0-9_-]{43}$/);
    expect((await gateway.call(getSystem, {}, { key })).body).toMatchObject({ version: '0.1.0', apiVersion: 1 });
  });

  it.each([
    ['none', undefined, 'key_missing'],
    ['one of another product', 'sk-live-canary-1234567890', 'key_unknown'],
    ['half of one', 'dsops_01JD0000000000000000000001_canary', 'key_unknown'],
    ['one of another installation', `dsops_01JD0000000000000000000001_${'c'.repeat(43)}`, 'key_unknown'],
  ])('are asked for: %s is refused', async (_, key, code) => {
    const reply = await gateway.call(getSystem, {}, { key });
    expect(asProblem(reply)).toMatchObject({ status: 401, code, remedy: expect.any(String) });
    if (key !== undefined) expect(reply.text + gateway.logLines.join('')).not.toContain(key);
  });

  it('are refused with a right id and a wrong secret', async () => {
    const { key } = await gateway.keyOf('viewer');
    const forged = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`;
    expect(asProblem(await gateway.call(getSystem, {}, { key: forged })).code).toBe('key_unknown');
  });

  it('are said to exist, by whom, and never with their value', async () => {
    const { id, key } = await gateway.keyOf('operator');
    const said = (await events('dsops.gateway.principal.created.v1')).find((event) => event.key === id);
    expect(said?.data).toMatchObject({
      role: 'operator',
      principal: { id, name: 'operator-key' },
      actor: { name: 'admin' },
    });
    const listed = await gateway.call(listApiKeys);
    expect(listed.body.items).toContainEqual(expect.objectContaining({ id, role: 'operator', revokedAt: null }));
    expect(listed.text).not.toContain(key.slice(33));
    expect(listed.text).not.toContain('hash');
  });

  it('are made once for one intent, and the value is not shown twice', async () => {
    const headers = { 'idempotency-key': newId() };
    const make = (name: string) => gateway.call(createApiKey, { body: { name, role: 'viewer' } }, { headers });
    const first = await make('ci');
    expect(first.status).toBe(201);
    const again = await make('ci');
    expect(asProblem(again)).toMatchObject({ status: 409, code: 'key_shown_once' });
    expect(again.text).toContain(first.body.id);
    expect(asProblem(await make('other'))).toMatchObject({ status: 409, code: 'idempotency_key_reused' });
    const listed = await gateway.call(listApiKeys);
    expect(listed.body.items.filter(({ name }) => name === 'ci')).toHaveLength(1);
  });

  it('refuse names that would move a terminal', async () =>
    expect(asProblem(await gateway.call(createApiKey, { body: { name: 'a\u001b[2J', role: 'viewer' } })).status).toBe(
      400,
    ));

  it('are refused from the moment they are revoked, however often that is asked', async () => {
    const { id, key } = await gateway.keyOf('viewer');
    for (let time = 0; time < 2; time++)
      expect((await gateway.call(revokeApiKey, { params: { keyId: id } })).body).toEqual({ revoked: true });
    expect(asProblem(await gateway.call(getSystem, {}, { key }))).toMatchObject({ status: 401, code: 'key_revoked' });
    expect((await events('dsops.gateway.principal.revoked.v1')).filter((event) => event.key === id)).toHaveLength(1);
    expect(asProblem(await gateway.call(revokeApiKey, { params: { keyId: newId() } })).status).toBe(404);
  });

  it('cannot be revoked down to none for admins', async () => {
    const admins = (await gateway.call(listApiKeys)).body.items.filter(
      ({ role, revokedAt }) => role === 'admin' && revokedAt === null,
    );
    expect(admins).toHaveLength(1);
    const reply = await gateway.call(revokeApiKey, { params: { keyId: admins[0]!.id } });
    expect(asProblem(reply)).toMatchObject({ status: 409, code: 'last_admin_key' });
    expect((await gateway.call(getSystem)).status).toBe(200);
  });

  it('remember their last use to the minute', async () => {
    const { id, key } = await gateway.keyOf('viewer');
    const lastUse = async () =>
      (
        await gateway.sql.query<{ at: Date | null }>('select last_used_at as at from gateway.api_keys where id = $1', [
          id,
        ])
      ).rows[0]!.at;
    expect(await lastUse()).toBeNull();
    await gateway.call(getSystem, {}, { key });
    const first = await eventually(async () => {
      const at = await lastUse();
      expect(at).not.toBeNull();
      return at!;
    });
    clock.advance(30_000);
    await gateway.call(getSystem, {}, { key });
    clock.advance(31_000);
    expect(await lastUse()).toEqual(first);
    await gateway.call(getSystem, {}, { key });
    await eventually(async () => expect((await lastUse())!.getTime()).toBe(first.getTime() + 61_000));
  });
});
