import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listAudit, listAuditOf, verifyAudit } from '@dsops/contracts/audit/api';
import type { EventData, EventDefinition } from '@dsops/contracts/define-event';
import { principalCreated, requestMade } from '@dsops/contracts/gateway/events';
import type { Actor } from '@dsops/contracts/principal';
import { rotationCompleted, rotationProgressed, rotationStarted, serviceAdded } from '@dsops/contracts/rotation/events';
import { newId } from '@dsops/kernel';
import type { EventToEmit } from '@dsops/messaging';
import { eventually } from '@dsops/testing';
import { startAuditWorld, type AuditWorld } from './audit-world.js';

const ada: Actor = { kind: 'user', id: 'user-ada', name: 'Ada' };

/** One service with one rotation, and the events that tell about them. */
function aStory(): { serviceId: string; rotationId: string; events: EventToEmit[] } {
  const [serviceId, rotationId, credentialId] = [newId(), newId(), newId()];
  const place = { serviceId, service: 'payments-db', environment: 'production' };
  const about = { ...place, rotationId, credentialId, credential: 'login', strategy: 'two-key' as const, actor: ada };
  const of = <D extends EventDefinition>(event: D, subject: string, data: EventData<D>): EventToEmit => ({
    event,
    key: serviceId,
    subject,
    data,
  });
  return {
    serviceId,
    rotationId,
    events: [
      of(serviceAdded, `service/${serviceId}`, {
        ...place,
        type: 'postgresql',
        credentialId,
        credential: 'login',
        imported: false,
        actor: ada,
      }),
      of(rotationStarted, `rotation/${rotationId}`, { ...about, trigger: 'manual', reason: 'quarterly' }),
      of(rotationProgressed, `rotation/${rotationId}`, {
        ...about,
        state: 'rotating',
        step: 'set',
        outcome: 'done',
        durationMs: 3,
      }),
      of(rotationCompleted, `rotation/${rotationId}`, { ...about, durationMs: 9, version: 'v2' }),
    ],
  };
}

const STORY = [
  'rotation.rotation.completed',
  'rotation.rotation.progressed',
  'rotation.rotation.started',
  'rotation.service.added',
];

describe('the audit service', () => {
  let world: AuditWorld;

  const historyOf = async (kind: string, entityId: string) =>
    (await world.call(listAuditOf, { params: { kind, entityId } })).items;
  const actionsOf = async (serviceId: string) => (await historyOf('service', serviceId)).map(({ action }) => action);

  beforeAll(async () => {
    world = await startAuditWorld();
  });

  afterAll(async () => {
    await world.close();
  });

  it('records what services say, so that a service, a rotation and a principal each have their history', async () => {
    const { serviceId, rotationId, events } = aStory();
    for (const event of events) await world.say(event);
    const principal: Actor = { kind: 'api_key', id: newId(), name: 'ci' };
    await world.say({
      event: principalCreated,
      key: principal.id,
      subject: `principal/${principal.id}`,
      data: { principal, role: 'viewer', actor: ada },
    });
    await world.say({
      event: requestMade,
      key: ada.id,
      subject: `principal/${ada.id}`,
      data: {
        requestId: newId(),
        operation: 'startRotation',
        method: 'POST',
        path: '/api/v1/x',
        status: 202,
        durationMs: 2,
        actor: ada,
      },
    });

    await eventually(async () => {
      expect(await actionsOf(serviceId)).toEqual(STORY);
      expect(await historyOf('principal', principal.id)).toMatchObject([
        { action: 'gateway.principal.created', actor: ada },
      ]);
      expect(await historyOf('principal', ada.id)).toMatchObject([
        { action: 'gateway.request.made', details: { operation: 'startRotation' } },
      ]);
    });
    expect(await historyOf('rotation', rotationId)).toHaveLength(3);
    const { items } = await world.call(listAudit, {
      query: { entity: `service/${serviceId}`, actor: 'Ada', action: 'rotation.rotation.st' },
    });
    expect(items).toMatchObject([
      { entity: { kind: 'rotation', id: rotationId }, actor: ada, details: { reason: 'quarterly' } },
    ]);
    expect(items[0]!.details).not.toHaveProperty('actor');
  });

  it('fetches what was lost on the way, the last event of a key too, and records it in order', async () => {
    const { serviceId, events } = aStory();
    world.losing(({ type }) => type === rotationStarted.type || type === rotationCompleted.type);
    for (const event of events) await world.say(event);
    await eventually(async () => expect(await actionsOf(serviceId)).toEqual(STORY), 10_000);
    world.losing(() => false);
    expect(await world.call(verifyAudit)).toMatchObject({ firstBroken: null });
  });

  it('misses nothing that was said while it was down', async () => {
    const { serviceId, events } = aStory();
    await world.stopAudit();
    await world.say(...events);
    await world.startAudit();
    await eventually(async () => expect(await actionsOf(serviceId)).toEqual(STORY), 10_000);
  });

  it('has exactly one entry for every event that was ever said, in a chain that holds', async () => {
    await Promise.all(Array.from({ length: 25 }, () => aStory()).flatMap(({ events }) => world.say(...events)));
    const said = async () => {
      const { rows } = await world.admin.query(
        'select id from rotation.outbox union all select id from gateway.outbox order by id',
      );
      return rows.map(({ id }: { id: string }) => id);
    };
    await eventually(async () => {
      const { rows } = await world.admin.query('select event_id as id from audit.entries order by event_id');
      expect(rows.map(({ id }: { id: string }) => id)).toEqual(await said());
    }, 10_000);
    const { items } = await world.call(listAudit, { query: { limit: 1 } });
    expect(await world.call(verifyAudit)).toEqual({
      entries: (await said()).length,
      head: items[0]!.hash,
      firstBroken: null,
      keptPosition: null,
      missing: 0,
      isRewritten: false,
      beyond: 0,
    });
  });

  it('refuses what is no question with the faults by name', async () => {
    await expect(world.call(listAudit, { query: { since: 'yesterday' } })).rejects.toMatchObject({
      code: 'request_invalid',
      kind: 'invalid',
      details: { errors: [expect.objectContaining({ path: 'query.since' })] },
    });
    await expect(world.call(listAudit, { query: { cursor: 'x' } })).rejects.toMatchObject({ code: 'cursor_invalid' });
  });

  it('says whether it is ready, to anybody, and nothing else without the token', async () => {
    const ready = await fetch(`${world.auditUrl()}/health/ready`);
    expect(await ready.json()).toMatchObject({ status: 'ok', details: { database: { status: 'up' } } });
    expect((await fetch(`${world.auditUrl()}/audit`)).status).toBe(401);
  });
});
