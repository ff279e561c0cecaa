import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventData, EventDefinition } from '@dsops/contracts/define-event';
import { principalCreated, principalRevoked } from '@dsops/contracts/gateway/events';
import type { Actor } from '@dsops/contracts/principal';
import {
  clearInbox,
  countUnread,
  listNotifications,
  markAllRead,
  readNotification,
} from '@dsops/contracts/notification/api';
import {
  rotationCompleted,
  rotationNeedsOperator,
  rotationProgressed,
  rotationStarted,
} from '@dsops/contracts/rotation/events';
import { newId } from '@dsops/kernel';
import type { EventToEmit } from '@dsops/messaging';
import { eventually } from '@dsops/testing';
import { startNotificationWorld, type NotificationWorld } from './notification-world.js';

const aPerson = (name: string): Actor => ({ kind: 'user', id: newId(), name });

function aRotation(service = 'payments-db') {
  const [serviceId, rotationId, credentialId] = [newId(), newId(), newId()];
  const about = {
    serviceId,
    service,
    environment: 'production',
    rotationId,
    credentialId,
    credential: 'login',
    strategy: 'two-key' as const,
  };
  const of = <D extends EventDefinition>(
    event: D,
    data: Omit<EventData<D> & object, keyof typeof about | 'actor'>,
  ): EventToEmit => ({
    event,
    key: serviceId,
    subject: `rotation/${rotationId}`,
    data: { ...about, ...data, actor: aPerson('Ada') },
  });
  return {
    rotationId,
    started: of(rotationStarted, { trigger: 'manual' }),
    progressed: of(rotationProgressed, { state: 'rotating', step: 'set', outcome: 'done', durationMs: 1 }),
    completed: of(rotationCompleted, { durationMs: 9, version: 'v2' }),
    stuck: of(rotationNeedsOperator, { reason: 'The target does not answer.', known: { v1: 'accepted' } }),
  };
}

describe('the notification service', () => {
  let world: NotificationWorld;
  let ada: Actor;
  let bo: Actor;

  const inboxOf = async (who: Actor) => (await world.callAs(who, listNotifications)).items;
  const titlesOf = async (who: Actor) => (await inboxOf(who)).map(({ title }) => title);
  const created = (principal: Actor, more: { hasInbox?: boolean } = {}): EventToEmit => ({
    event: principalCreated,
    key: principal.id,
    subject: `principal/${principal.id}`,
    data: { principal, role: 'viewer', ...more, actor: principal },
  });
  const isKnown = (who: Actor) =>
    eventually(async () =>
      expect((await world.admin.query('select 1 from notification.recipients where id = $1', [who.id])).rowCount).toBe(
        1,
      ),
    );

  beforeAll(async () => {
    world = await startNotificationWorld();
  });

  afterAll(async () => {
    await world.close();
  });

  beforeEach(async () => {
    [ada, bo] = [aPerson('Ada'), aPerson('Bo')];
    await world.say(created(ada), created(bo));
    await isKnown(bo);
  });

  it('puts what happened to a rotation into the inbox of everybody, in words, and says so', async () => {
    const { started, progressed, completed, stuck, rotationId } = aRotation();
    for (const event of [started, progressed, completed, stuck]) await world.say(event);
    const titles = [
      'Rotation of payments-db in production needs a person',
      'Rotation of payments-db in production completed',
      'Rotation of payments-db in production started',
    ];
    await eventually(async () => {
      expect(await titlesOf(ada)).toEqual(titles);
      expect(await titlesOf(bo)).toEqual(titles);
    });
    const [newest] = await inboxOf(ada);
    expect(newest).toMatchObject({
      kind: 'needs_operator',
      priority: 'high',
      entity: { kind: 'rotation', id: rotationId },
      readAt: null,
      body: expect.stringContaining('The target does not answer.\nVersion v1: the target accepts it.'),
      place: { environment: 'production', service: 'payments-db' },
      nextSteps: ['see_steps', 'resume'],
    });
    const { rows } = await world.admin.query(
      `select count(*)::int as n from notification.outbox where type = 'dsops.notification.inbox.delivered.v1' and key in ($1, $2)`,
      [ada.id, bo.id],
    );
    expect(rows[0]).toEqual({ n: 6 });
  });

  it('lets each person read and clear their own inbox only', async () => {
    const { started, completed } = aRotation();
    await world.say(started, completed);
    await eventually(async () => expect(await world.callAs(bo, countUnread)).toEqual({ unread: 2 }));
    const [newest] = await inboxOf(ada);
    const params = { notificationId: newest!.id };
    await expect(world.callAs(bo, readNotification, { params })).rejects.toMatchObject({
      code: 'notification_unknown',
      kind: 'not_found',
    });
    expect(await world.callAs(ada, readNotification, { params })).toMatchObject({
      id: newest!.id,
      readAt: expect.any(String),
    });
    expect(await world.callAs(ada, listNotifications, { query: { unread: 'true', limit: 1 } })).toMatchObject({
      items: [{ kind: 'started' }],
      next: null,
    });
    expect(await world.callAs(ada, markAllRead)).toEqual({ read: 1 });
    expect(await world.callAs(ada, clearInbox)).toEqual({ cleared: 2 });
    expect(await inboxOf(ada)).toEqual([]);
    expect(await world.callAs(bo, countUnread)).toEqual({ unread: 2 });
  });

  it('gives older events to nobody who comes later, and newer ones to nobody who has gone', async () => {
    const first = aRotation('orders-db');
    await world.say(first.started);
    await eventually(async () => expect(await titlesOf(ada)).toHaveLength(1));
    const late = aPerson('Late');
    await world.say(created(late));
    await isKnown(late);
    await world.say({
      event: principalRevoked,
      key: bo.id,
      subject: `principal/${bo.id}`,
      data: { principal: bo, actor: ada },
    });
    await eventually(async () => {
      const { rows } = await world.admin.query('select revoked_at from notification.recipients where id = $1', [bo.id]);
      expect(rows[0]).not.toEqual({ revoked_at: null });
    });
    await world.say(first.completed);
    await eventually(async () =>
      expect(await titlesOf(late)).toEqual(['Rotation of orders-db in production completed']),
    );
    expect(await titlesOf(bo)).toEqual(['Rotation of orders-db in production started']);
  });

  it('gives every notable event one final row for every recipient, whatever came in between', async () => {
    const people = Array.from({ length: 5 }, (_, nth) => aPerson(`Person ${nth}`));
    await Promise.all([
      ...people.map((person) => world.say(created(person))),
      ...Array.from({ length: 20 }, () => aRotation()).map(({ started, progressed, completed }) =>
        world.say(started, progressed, completed),
      ),
    ]);
    await eventually(async () => {
      const { rows } = await world.admin.query(
        `select count(*)::int as notable from rotation.outbox where type <> $1`,
        [rotationProgressed.type],
      );
      const balance = await world.ledger.balance();
      expect(balance).toMatchObject({ events: rows[0].notable, deadLettered: 0, missing: [] });
      expect(balance.delivered + balance.suppressed).toBe(balance.due);
    }, 10_000);
  });

  it('records an event that could not be told as a dead letter, and delivers it when it is replayed', async () => {
    const { started } = aRotation('broken-db');
    await world.admin.query(
      `alter table notification.notices add constraint broken check (title not like '%broken-db%')`,
    );
    try {
      await world.say(started);
      const rows = () =>
        world.admin.query(
          `select outcome, reason from notification.deliveries d join rotation.outbox o on o.id = d.event_id
            where d.recipient_id = $1 and o.key = $2`,
          [ada.id, started.key],
        );
      await eventually(async () => {
        await world.admin.query(`update notification.parked set next_attempt_at = now() where state = 'retrying'`);
        await world.ledger.settleDeadLetters();
        expect((await rows()).rows).toEqual([{ outcome: 'dead_lettered', reason: expect.any(String) }]);
      }, 20_000);
      expect(await titlesOf(ada)).toEqual([]);
      await world.admin.query('alter table notification.notices drop constraint broken');
      await world.replayLetters();
      expect(await titlesOf(ada)).toEqual(['Rotation of broken-db in production started']);
      expect((await rows()).rows).toEqual([{ outcome: 'delivered', reason: null }]);
    } finally {
      await world.admin.query('alter table notification.notices drop constraint if exists broken');
    }
    expect(await world.ledger.balance()).toMatchObject({ deadLettered: 0, missing: [] });
  }, 30_000);

  it.each([1, 50])('tells the audit log the same of a rotation with %i keys of machines', async (machines) => {
    const reader = aPerson('reader');
    const keys = Array.from({ length: machines }, (_, nth) => aPerson(`machine ${nth}`));
    await world.say(created(reader), ...keys.map((key) => created(key, { hasInbox: false })));
    await isKnown(reader);
    const inboxes = Number(
      (await world.admin.query('select count(*) from notification.recipients where revoked_at is null')).rows[0].count,
    );
    const name = `machines-${machines}`;
    const { started, completed } = aRotation(name);
    await world.say(started, completed);
    // What the audit log hears of it: one entry for each notification that lies in an inbox.
    const told = async () => {
      const { rows } = await world.admin.query(
        `select data->>'recipientId' as whose from notification.outbox
          where type = 'dsops.notification.inbox.delivered.v1' and data->>'title' like $1`,
        [`%${name}%`],
      );
      return rows.map(({ whose }: { whose: string }) => whose);
    };
    await eventually(async () => expect((await told()).length).toBe(2 * inboxes));
    expect(await told()).not.toEqual(expect.arrayContaining([keys[0]!.id]));
    expect(await inboxOf(keys[0]!)).toEqual([]);
  });

  it('says whether it is ready', async () => {
    const ready = await fetch(`${world.url}/health/ready`);
    expect(await ready.json()).toMatchObject({ status: 'ok', details: { database: { status: 'up' } } });
  });
});
