import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createApiKey, getSystem, listApiKeys, listDeadLetters } from '@dsops/contracts/gateway/api';
import { addService, startRotation } from '@dsops/contracts/rotation/api';
import { FeedReader } from './feed-reader.js';
import { eventually, startTestGateway, TOKEN, type TestGateway } from './gateway-fixture.js';

/** Values that must not be found in anything that the gateway writes, and what it wrote. */
describe('secrets', () => {
  let gateway: TestGateway;
  let reader: FeedReader;
  const said: string[] = [];
  const canaries: string[] = ['canary-password', 'canary-key', 'canary-header', 'canary-name', TOKEN];
  beforeAll(async () => {
    gateway = await startTestGateway();
    reader = await FeedReader.open(gateway.url, gateway.adminKey, { after: 0 });
    const { key } = await gateway.keyOf('viewer');
    // The secret parts; the ids in front of them are no secret.
    canaries.push(gateway.adminKey.slice(33), key.slice(33));
    const place = { environment: 'production', service: 'payments-db' };
    const admin = { username: 'root', password: 'canary-password' };
    const replies = [
      await gateway.call(addService, {
        body: { name: 'x', environment: 'y', admin, password: 'canary-password' } as never,
      }),
      await gateway.call(addService, {
        body: {
          name: 'x',
          environment: 'y',
          type: 'postgresql',
          target: { host: 'h', database: 'd' },
          admin,
          credential: { strategy: 'immediate', consumers: 'managed', slots: ['canary_slot'] },
        },
      }),
      await gateway.call(addService, { body: { name: 'canary-name!'.repeat(20), admin } as never }, { key }),
      await gateway.call(startRotation, { params: { ...place, service: 'canary-password !' }, body: {} }),
      await gateway.call(
        startRotation,
        { params: place, body: { plan: 'canary-password' } },
        { key: 'dsops_canary-key' },
      ),
      await gateway.call(
        getSystem,
        {},
        { headers: { 'idempotency-key': 'canary-header', 'dsops-client': 'canary-header' } },
      ),
      await gateway.call(createApiKey, { body: { name: 'a', role: 'canary-name' } as never }),
      await gateway.call(listApiKeys),
      await gateway.call(listDeadLetters),
      await gateway.fetch('/api/v1/canary-name?x=canary-name', { headers: { authorization: 'Bearer canary-key' } }),
      await gateway.fetch('/internal/dead-letters', { headers: { 'dapr-api-token': 'canary-key' } }),
      await gateway.fetch('/api/v1/services', {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
        body: '{"password": "canary-password"',
      }),
    ];
    said.push(...replies.map(({ text, headers }) => text + JSON.stringify([...headers])));
    await eventually(() => expect(reader.messages.length).toBeGreaterThanOrEqual(8));
    await eventually(async () =>
      expect((await gateway.sql.query('select 1 from gateway.open_requests')).rows).toEqual([]),
    );
  });
  afterAll(async () => {
    reader.close();
    await gateway.close();
  });

  const tables = async () => {
    const { rows } = await gateway.sql.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_schema in ('gateway', 'delivery') and table_type = 'BASE TABLE'`,
    );
    const found: string[] = [];
    for (const { name } of rows) {
      const content = await gateway.sql.query<{ line: string }>(`select t::text as line from ${name} t`);
      found.push(...content.rows.map(({ line }) => `${name}: ${line}`));
    }
    return found;
  };
  const leaks = (lines: readonly string[]) => lines.filter((line) => canaries.some((canary) => line.includes(canary)));

  it('are in no table', async () => expect(leaks(await tables())).toEqual([]));
  it('are in no log', () => expect(leaks(gateway.logLines)).toEqual([]));
  it('are in no answer', () => expect(leaks(said)).toEqual([]));
  it('are in nothing that the feed tells', () => expect(leaks([reader.raw])).toEqual([]));

  it('would be found', async () => {
    const lines = await tables();
    for (const schema of ['gateway.outbox', 'gateway.feed', 'gateway.api_keys', 'gateway.requests'])
      expect(lines.some((line) => line.startsWith(`${schema}: `))).toBe(true);
    await gateway.sql.query("insert into gateway.open_requests values ('x', '{}', 'x', 'x', 'canary-password', now())");
    expect(leaks(await tables())).toHaveLength(1);
    expect(gateway.logLines.length).toBeGreaterThan(10);
    expect(reader.raw).toContain('dsops.gateway.request.made.v1');
  });
});
