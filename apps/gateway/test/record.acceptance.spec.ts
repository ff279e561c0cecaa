import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Actor } from '@dsops/contracts/principal';
import { createApiKey } from '@dsops/contracts/gateway/api';
import { markAllRead } from '@dsops/contracts/notification/api';
import { addService, getStatus, planRotation, releaseCheckOut, startRotation } from '@dsops/contracts/rotation/api';
import { newId } from '@dsops/kernel';
import { startFaultProxy, type FaultProxy } from '@dsops/testing';
import { AccessRecordService } from '../src/request/access-record.service.js';
import { asProblem, eventually, startTestGateway, type TestGateway } from './gateway-fixture.js';
import { problem } from './stub-services.js';

const place = { environment: 'production', service: 'payments-db' };

describe('the record of requests', () => {
  let gateway: TestGateway;
  let proxy: FaultProxy;
  beforeAll(async () => {
    gateway = await startTestGateway({
      tuning: { creationsPerMinute: 5 },
      through: async (options) => {
        proxy = await startFaultProxy(options);
        return { ...options, host: proxy.host, port: proxy.port };
      },
    });
  });
  afterAll(async () => {
    await gateway.close();
    await proxy.close();
  });

  const recorded = async (where: Record<string, unknown> = {}) => {
    const { rows } = await gateway.sql.query<{
      key: string;
      subject: string;
      data: Record<string, unknown> & { actor: Actor };
    }>("select key, subject, data from gateway.outbox where type = 'dsops.gateway.request.made.v1' order by position");
    return rows.filter(({ data }) => Object.entries(where).every(([name, value]) => data[name] === value));
  };
  const one = (where: Record<string, unknown>) =>
    eventually(async () => {
      const found = await recorded(where);
      expect(found).toHaveLength(1);
      return found[0]!;
    });
  const open = async () =>
    (await gateway.sql.query<{ operation: string }>('select operation from gateway.open_requests')).rows;

  it('tells who asked for what and how it ended', async () => {
    const reply = await gateway.call(startRotation, { params: place, body: { reason: 'because' } });
    const { key, subject, data } = await one({ operation: 'startRotation' });
    expect(data).toMatchObject({
      requestId: reply.headers.get('dsops-request-id'),
      method: 'POST',
      path: '/api/v1/environments/production/services/payments-db/rotations',
      status: 202,
      durationMs: expect.any(Number),
      actor: { kind: 'api_key', name: 'admin' },
    });
    expect([key, subject]).toEqual([data.actor.id, `request/${data.requestId}`]);
    expect(JSON.stringify(data)).not.toContain('because');
    expect(await open()).toEqual([]);
  });

  it('holds what changes nothing but might have, and no reading', async () => {
    await gateway.call(planRotation, { params: place, body: {} });
    await gateway.call(getStatus);
    await one({ operation: 'planRotation' });
    expect(await recorded({ operation: 'getStatus' })).toEqual([]);
  });

  it('holds what was refused, and why', async () => {
    const { id, key } = await gateway.keyOf('viewer');
    await gateway.call(releaseCheckOut, { params: { checkOutId: newId() } }, { key });
    expect((await one({ operation: 'releaseCheckOut' })).data).toMatchObject({
      status: 403,
      code: 'role_missing',
      actor: { id },
    });
    gateway.stub.answers.set('markAllRead', problem('conflict', 'something_open', 'No.'));
    await gateway.call(markAllRead);
    expect((await one({ operation: 'markAllRead' })).data).toMatchObject({ status: 409, code: 'something_open' });
    gateway.stub.answers.clear();
  });

  it('holds no word that was sent by mistake, in a path or a body', async () => {
    await gateway.call(planRotation, { params: { ...place, service: 'canary secret!' }, body: {} });
    expect((await one({ code: 'request_invalid' })).data.path).toBe(
      '/api/v1/environments/{environment}/services/{service}/plan',
    );
    await gateway.call(addService, { body: { password: 'canary' } as never });
    await eventually(async () => expect(await recorded({ operation: 'addService' })).toHaveLength(1));
    expect(JSON.stringify(await recorded())).not.toContain('canary');
  });

  it('holds one refusal for too much, not each', async () => {
    const { id, key } = await gateway.keyOf('operator');
    for (let time = 0; time < 12; time++) await gateway.call(startRotation, { params: place, body: {} }, { key });
    await eventually(async () => expect((await recorded()).filter((event) => event.key === id)).toHaveLength(6));
    expect((await recorded({ code: 'rate_limited' })).filter((event) => event.key === id)).toHaveLength(1);
  });

  it('reports what a process left that died, once and as unknown', async () => {
    const id = newId();
    await gateway.sql.query(
      `insert into gateway.open_requests values ($1, '{"kind":"api_key","id":"k","name":"n"}', 'rollBack', 'POST', '/api/v1/x', now() - interval '6 minutes')`,
      [id],
    );
    const record = gateway.service.app.get(AccessRecordService, { strict: false });
    const swept = await Promise.all([record.sweep(), record.sweep()]);
    expect(swept.reduce((sum, count) => sum + count)).toBe(1);
    expect((await one({ requestId: id })).data).toMatchObject({
      status: 0,
      code: 'outcome_unknown',
      operation: 'rollBack',
    });
  });

  it('does not let a change begin that cannot be recorded', async () => {
    await proxy.refuse();
    const before = gateway.stub.received.length;
    expect(asProblem(await gateway.call(markAllRead))).toMatchObject({ status: 503, code: 'database_unavailable' });
    expect(asProblem(await gateway.call(createApiKey, { body: { name: 'x', role: 'viewer' } }))).toMatchObject({
      status: 503,
    });
    expect(gateway.stub.received).toHaveLength(before);
    await proxy.reopen();
    await eventually(async () => expect((await gateway.call(markAllRead)).status).toBe(200));
  });

  it('does not hand on what it could not write down', async () => {
    const before = gateway.stub.received.length;
    await gateway.sql.query('revoke insert on gateway.open_requests from dsops_gateway');
    expect(asProblem(await gateway.call(markAllRead)).status).toBe(500);
    expect(gateway.stub.received).toHaveLength(before);
    await gateway.sql.query('grant insert on gateway.open_requests to dsops_gateway');
    expect((await gateway.call(markAllRead)).status).toBe(200);
  });

  it('catches up when the database went away in the middle of a change', async () => {
    const before = (await recorded({ operation: 'planRotation' })).length;
    gateway.stub.answers.set('planRotation', problem('conflict', 'meanwhile', 'No.'));
    const original = gateway.stub.answers.get.bind(gateway.stub.answers);
    // The service gets the request; from then on the gateway has no database until the client has its answer.
    gateway.stub.answers.get = (name) => {
      void proxy.refuse();
      return original(name);
    };
    const reply = await gateway.call(planRotation, { params: place, body: {} });
    gateway.stub.answers.get = original;
    gateway.stub.answers.clear();
    expect(reply.status).toBe(409);
    await proxy.reopen();
    await eventually(async () => expect(await recorded({ operation: 'planRotation' })).toHaveLength(before + 1));
    // Also what was asked right before, and was still to be recorded when the database went away.
    await eventually(async () => expect(await open()).toEqual([]));
  });
});
