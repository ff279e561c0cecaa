import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventData } from '@dsops/contracts/define-event';
import type { Actor } from '@dsops/contracts/principal';
import { rotationCompleted, rotationStarted } from '@dsops/contracts/rotation/events';
import { newId } from '@dsops/kernel';
import { MasterKey, newKeyBytes } from '@dsops/sealing';
import { eventually } from '@dsops/testing';
import { inbox } from '../src/channels/inbox/inbox.channel.js';
import { hook, StrictHook } from '../src/delivery/strict-hook.fixture.js';
import { startNotificationWorld, type NotificationWorld } from './notification-world.js';

const ada: Actor = { kind: 'user', id: newId(), name: 'Ada' };
const TOKEN = 'canary-token-of-the-hook';

interface Row {
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly attempts: number;
}

describe('a destination outside', () => {
  let world: NotificationWorld;
  let chat: StrictHook;
  let room: string;

  /** A rotation of a service of this name starts; its title has the name in it. */
  const start = (service: string, event: typeof rotationStarted | typeof rotationCompleted = rotationStarted) => {
    const serviceId = newId();
    const data = { ...event.example, serviceId, service, actor: ada } as EventData<typeof event>;
    return world.say({ event, key: serviceId, subject: `rotation/${newId()}`, data });
  };
  const titleOf = (service: string) => `Rotation of ${service} in production started`;
  const add = async (name = room, kinds: 'started'[] = []): Promise<string> =>
    (await world.destinations.add({ channel: 'hook', name, settings: { url: chat.url, room: name }, kinds })).id;
  const rowsOf = async (id: string): Promise<Row[]> =>
    (
      await world.admin.query<Row>(
        `select outcome, reason, attempts from notification.deliveries where destination_id = $1
          order by waiting_since, event_id`,
        [id],
      )
    ).rows;
  const ends = (id: string, ...rows: Row[]) => eventually(async () => expect(await rowsOf(id)).toEqual(rows), 8_000);
  /** Nobody waits in a test: what waits for its time is due now. */
  const skipWaits = async (id: string): Promise<void> => {
    await world.admin.query(
      `update notification.deliveries set next_attempt_at = now() where destination_id = $1 and outcome is null
          and last_failure is not null`,
      [id],
    );
    await world.admin.query('update notification.destinations set not_before = null where id = $1', [id]);
  };
  const waits = (id: string, failure: string) =>
    eventually(async () => {
      const { rows } = await world.admin.query(
        `select last_failure as failure from notification.deliveries where destination_id = $1 and outcome is null
          and last_failure is not null`,
        [id],
      );
      expect(rows).toEqual([{ failure }]);
    }, 8_000);
  const delivered = (attempts: number): Row => ({ outcome: 'delivered', reason: null, attempts });
  const balanced = async () => {
    const { due, delivered, suppressed, deadLettered, waiting, missing } = await world.ledger.balance();
    expect(missing).toEqual([]);
    expect(delivered + suppressed + deadLettered + waiting).toBe(due);
  };

  beforeAll(async () => {
    const key = new MasterKey(newKeyBytes()).serviceKey('notification');
    [chat, world] = await Promise.all([
      new StrictHook(TOKEN).start(),
      startNotificationWorld({ channels: [inbox, hook], key }),
    ]);
  });
  beforeEach(() => void (room = `room-${newId()}`));
  afterEach(balanced);
  afterAll(async () => {
    await world.close();
    await chat.stop();
  });

  it('is told what happens, once and within a second, and the ledger and the figures say so', async () => {
    const before = (await world.metric('dsops_notifications_total', { channel: 'hook', outcome: 'delivered' })) ?? 0;
    const id = await add();
    await start('payments-db');
    await eventually(async () => expect(chat.textsIn(room)).toEqual([titleOf('payments-db')]), 1_000);
    await ends(id, delivered(1));
    const labels = { channel: 'hook', outcome: 'delivered' };
    await eventually(async () => expect(await world.metric('dsops_notifications_total', labels)).toBe(before + 1));
  });

  it('is told nothing that happened before it was added', async () => {
    await start('early-db');
    const id = await add();
    await start('late-db');
    await ends(id, delivered(1));
    expect(chat.textsIn(room)).toEqual([titleOf('late-db')]);
  });

  it('is told again what failed, under the same key, until it is taken', async () => {
    const id = await add();
    chat.answer(room, { status: 500 }, { status: 200, hangs: true });
    await start('payments-db');
    await waits(id, 'The hook answered 500.');
    await skipWaits(id);
    await waits(id, 'There was no answer in 400 ms.');
    await skipWaits(id);
    await ends(id, delivered(3));
    const calls = chat.calls.filter((call) => call.room === room);
    expect(calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(new Set(calls.map(({ key }) => key)).size).toBe(1);
  });

  it('is told again when what came of an attempt could not be written down', async () => {
    const id = await add();
    await world.admin.query(`create function refuse_ends() returns trigger language plpgsql as $$
      begin raise exception 'the disk is full'; end $$`);
    await world.admin.query(`create trigger refuse_ends before update on notification.deliveries for each row
      when (new.outcome is not null) execute function refuse_ends()`);
    try {
      await start('payments-db');
      await waits(id, 'What came of the attempt could not be written down.');
    } finally {
      await world.admin.query('drop function refuse_ends cascade');
    }
    await skipWaits(id);
    await ends(id, delivered(2));
    expect(new Set(chat.calls.filter((call) => call.room === room).map(({ key }) => key)).size).toBe(1);
  });

  it('is given up after its last attempt, and what follows is told', async () => {
    const id = await add();
    chat.answer(room, { status: 500 }, { status: 502 }, { status: 503 });
    await start('first-db');
    await start('second-db');
    for (const status of [500, 502]) {
      await waits(id, `The hook answered ${status}.`);
      await skipWaits(id);
    }
    const reason = 'Attempt 3 was the last: The hook answered 503.';
    await ends(id, { outcome: 'dead_lettered', reason, attempts: 3 }, delivered(1));
    expect(chat.textsIn(room).at(-1)).toBe(titleOf('second-db'));
    const labels = { channel: 'hook', outcome: 'dead_lettered' };
    expect(await world.metric('dsops_notifications_total', labels)).toBeGreaterThan(0);
  });

  it('is not asked again for what it refuses', async () => {
    const id = await add();
    chat.answer(room, { status: 400 });
    await start('payments-db');
    await ends(id, { outcome: 'dead_lettered', reason: 'The hook answered 400.', attempts: 1 });
    expect(chat.textsIn(room)).toHaveLength(1);
  });

  it('is given up when it cannot be reached for longer than its policy waits', async () => {
    const id = await add();
    chat.answer(room, { status: 500 });
    await start('payments-db');
    await waits(id, 'The hook answered 500.');
    await world.admin.query(
      `update notification.deliveries set waiting_since = waiting_since - interval '11 minutes' where destination_id = $1`,
      [id],
    );
    await skipWaits(id);
    const reason = 'It could not be delivered in 10m: The hook answered 500.';
    await ends(id, { outcome: 'dead_lettered', reason, attempts: 2 });
    expect(chat.textsIn(room)).toHaveLength(1);
  });

  it('gets all that happened in its order, one at a time, when it wants a pause, and no other waits for it', async () => {
    const [slow, quick] = [await add(), await add(`${room}-quick`)];
    chat.answer(room, { status: 429, retryAfterSeconds: 500 }, { status: 429, retryAfterSeconds: 500 });
    const names = Array.from({ length: 20 }, (_, nth) => `db-${nth}`);
    for (const name of names) await start(name);
    await ends(quick, ...names.map(() => delivered(1)));
    await waits(slow, 'The hook answered 429.');
    expect(chat.textsIn(room)).toHaveLength(1);
    await skipWaits(slow);
    await eventually(async () => expect(chat.textsIn(room)).toHaveLength(2));
    await waits(slow, 'The hook answered 429.');
    await skipWaits(slow);
    await ends(slow, ...names.map(() => delivered(1)));
    const titles = names.map(titleOf);
    expect(chat.textsIn(room)).toEqual([titles[0], titles[0], ...titles]);
    expect(chat.textsIn(`${room}-quick`)).toEqual(titles);
    expect(chat.mostOpen.get(room)).toBe(1);
  });

  it('gets nothing of the kinds that it does not want, and the ledger says why', async () => {
    const id = await add(room, ['started']);
    await start('payments-db', rotationCompleted);
    await start('payments-db');
    await eventually(async () =>
      expect((await rowsOf(id)).map(({ outcome }) => outcome).toSorted()).toEqual(['delivered', 'suppressed']),
    );
    expect((await rowsOf(id)).find(({ outcome }) => outcome === 'suppressed')).toMatchObject({
      reason: 'The destination wants no notices of the kind completed.',
    });
    expect(chat.textsIn(room)).toEqual([titleOf('payments-db')]);
  });

  it('gets nothing more once it is removed: what waits is suppressed, and its secret is gone', async () => {
    const id = await add();
    chat.answer(room, { status: 429, retryAfterSeconds: 500 });
    await start('first-db');
    await start('second-db');
    await waits(id, 'The hook answered 429.');
    await world.destinations.remove(id);
    await start('third-db');
    await world.admin.query(
      'update notification.deliveries set next_attempt_at = now() where destination_id = $1 and outcome is null',
      [id],
    );
    const reason = 'The destination was removed before it could be delivered.';
    await ends(id, { outcome: 'suppressed', reason, attempts: 1 }, { outcome: 'suppressed', reason, attempts: 1 });
    expect(chat.textsIn(room)).toHaveLength(1);
    const { rowCount } = await world.admin.query('select from notification.sealed_settings where destination_id = $1', [
      id,
    ]);
    expect(rowCount).toBe(0);
    expect((await world.destinations.list()).map((one) => one.id)).not.toContain(id);
  });

  it('can be tested by a person, who hears what its medium says', async () => {
    const id = await add();
    chat.answer(room, { status: 200 }, { status: 404 });
    expect(await world.destinations.test(id)).toEqual({ kind: 'delivered' });
    expect(await world.destinations.test(id)).toEqual({ kind: 'refused', reason: 'The hook answered 404.' });
    expect(chat.textsIn(room)).toEqual(['A test from dsops', 'A test from dsops']);
    expect(await rowsOf(id)).toEqual([]);
  });

  it('is refused with settings that do not fit, a name that is taken, or a channel that nobody can add to', async () => {
    await add();
    const settings = { url: chat.url, room };
    const adding = (over: object) => world.destinations.add({ channel: 'hook', name: 'another', settings, ...over });
    await expect(adding({ settings: { room } })).rejects.toMatchObject({ code: 'settings_invalid' });
    await expect(adding({ name: room })).rejects.toMatchObject({ code: 'destination_exists', kind: 'conflict' });
    await expect(adding({ channel: 'inbox' })).rejects.toMatchObject({
      code: 'channel_unknown',
      details: { remedy: 'There are: hook.' },
    });
    const unknown = { code: 'destination_unknown', kind: 'not_found' };
    await expect(world.destinations.remove('x')).rejects.toMatchObject(unknown);
    await expect(world.destinations.test('x')).rejects.toMatchObject(unknown);
  });

  it('shows its secret nowhere: not in the database, not in what is listed', async () => {
    const id = await add();
    await start('payments-db');
    await ends(id, delivered(1));
    expect(JSON.stringify(await world.destinations.list())).not.toContain(TOKEN);
    const { rows } = await world.admin.query<{ text: string }>(
      `select d::text || coalesce(s::text, '') || coalesce(l::text, '') as text from notification.destinations d
         left join notification.sealed_settings s on s.destination_id = d.id
         left join notification.deliveries l on l.destination_id = d.id where d.id = $1`,
      [id],
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { text } of rows) {
      expect(text).not.toContain(TOKEN);
      expect(text).not.toContain(Buffer.from(TOKEN).toString('hex'));
    }
  });
});
