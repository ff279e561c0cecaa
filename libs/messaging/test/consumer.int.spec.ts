import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { inboxDelivered } from '@dsops/contracts/notification/events';
import { rotationProgressed, rotationStarted } from '@dsops/contracts/rotation/events';
import { execute, sql } from '@dsops/database';
import { currentContext } from '@dsops/platform';
import { eventually } from '@dsops/testing';
import type { Unit } from '../src/index.js';
import type { ConsumerSettings } from '../src/inbox/consumer.service.js';
import { readEventsAbove } from '../src/outbox/outbox.repository.js';
import { anEvent } from '../src/conformance/an-event.js';
import { ConsumerHarness, delivered, placeOf } from './consumer-harness.js';

describe('a consumer', () => {
  let harness: ConsumerHarness;
  beforeAll(async () => {
    harness = await ConsumerHarness.open();
  });
  afterEach(() => harness.clear());
  afterAll(() => harness.close());

  type Handler = (event: EventEnvelope, unit: Unit) => Promise<void> | void;
  const aConsumer = (handler: Handler = () => undefined, settings: Partial<ConsumerSettings> = {}) => {
    const handle = async (event: EventEnvelope, unit: Unit) => {
      await execute(unit.tx, sql`insert into effects (at) values (${placeOf(event)})`);
      await handler(event, unit);
    };
    const handlers = new Map([[rotationStarted.type, { kind: 'each' as const, handle }]]);
    return harness.consumer({ handles: [rotationStarted], handlers, settings });
  };
  const rows = (query: string) => harness.rows(query);
  const effects = () => harness.effects();
  const waiting = () => harness.waiting();
  const alarms = () => rows('select kind, key, sequence::integer, seen from notification.event_alarms');

  it('applies what stands before a poison event of its batch, and parks what stands behind it in its key', async () => {
    let tries = 0;
    const consumer = aConsumer((event) => {
      if (event.partitionkey !== 'a' || event.sequence !== '2') return;
      tries += 1;
      throw new Error('poison');
    });
    const batch = delivered(anEvent('a', 1), anEvent('b', 1), anEvent('a', 2), anEvent('b', 2), anEvent('a', 3));
    expect(await consumer.deliver(batch)).toEqual(batch.map(() => 'success'));
    expect((await effects()).toSorted()).toEqual(['a:1', 'b:1', 'b:2']);
    expect(await waiting()).toEqual(['a:2 retrying', 'a:3 waiting']);
    const triesBefore = tries;
    expect(await consumer.deliver(batch)).toEqual(batch.map(() => 'success')); // the whole batch comes again
    expect((await effects()).length).toBe(3);
    expect(tries).toBe(triesBefore); // its time has not come: a redelivery is no reason to try again
    expect(await waiting()).toEqual(['a:2 retrying', 'a:3 waiting']);
    expect(await alarms()).toEqual([]);
  });

  it('makes order of what comes shuffled and doubled in many batches at the same time', async () => {
    const consumer = aConsumer();
    const events = ['a', 'b', 'c'].flatMap((key) => Array.from({ length: 60 }, (_, n) => anEvent(key, n + 1)));
    const shuffled = [...events, ...events].sort(() => Math.random() - 0.5);
    const batches = Array.from({ length: 12 }, (_, n) => delivered(...shuffled.slice(n * 30, n * 30 + 30)));
    await Promise.all(batches.map((batch) => consumer.deliver(batch)));
    consumer.start();
    await eventually(async () => expect((await effects()).length).toBe(180));
    for (const key of ['a', 'b', 'c'])
      expect((await effects()).filter((at) => at.startsWith(key))).toEqual(
        Array.from({ length: 60 }, (_, n) => `${key}:${n + 1}`),
      );
    expect(await waiting()).toEqual([]);
    expect(await alarms()).toEqual([]);
  });

  it('says what its handlers say when they succeed, and nothing of a handler that fails', async () => {
    const consumer = aConsumer((event, unit) => {
      unit.emit({
        event: inboxDelivered,
        key: 'reader',
        subject: 'notification/1',
        data: { ...inboxDelivered.example, title: event.sequence },
      });
      if (event.sequence === '2') throw new Error('no');
    });
    await consumer.deliver(delivered(anEvent('a', 1), anEvent('a', 2), anEvent('b', 1)));
    const said = await readEventsAbove(
      harness.base.consumer,
      'notification',
      { topic: 'notification-events', key: 'reader', epoch: 0, sequence: 0n },
      10,
    );
    expect(said.map(({ sequence, data }) => [sequence, (data as { title: string }).title])).toEqual([
      ['1', '1'],
      ['2', '1'],
    ]);
  });

  it('does after the commit what its handlers want done then, and nothing of a handler that fails', async () => {
    const seen: Promise<unknown>[] = [];
    const consumer = aConsumer((event, unit) => {
      unit.afterCommit(() => seen.push(effects()));
      if (event.sequence === '2') throw new Error('no');
    });
    await consumer.deliver(delivered(anEvent('a', 1), anEvent('a', 2), anEvent('b', 1)));
    const all = ['a:1', 'b:1'];
    expect(await Promise.all(seen)).toEqual([all, all]);
  });

  it('runs each handler in the trace of its event', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const seen: unknown[] = [];
    const consumer = aConsumer(() => void seen.push(currentContext()));
    const event = anEvent('a', 1, { traceparent });
    await consumer.deliver(delivered(event));
    expect(seen).toEqual([{ traceparent, eventId: event.id }]);
  });

  it('moves the cursor over known types that it does not handle', async () => {
    const consumer = aConsumer();
    const other = anEvent('a', 1, { type: rotationProgressed.type, data: rotationProgressed.example });
    await consumer.deliver(delivered(other, anEvent('a', 2)));
    expect(await effects()).toEqual(['a:2']);
  });

  it('raises an alarm when two events claim one place, settled or waiting, and applies neither twice', async () => {
    const consumer = aConsumer();
    await consumer.deliver(delivered(anEvent('a', 1), anEvent('a', 3)));
    await consumer.deliver(delivered(anEvent('a', 1)));
    await consumer.deliver(delivered(anEvent('a', 3)));
    await consumer.deliver(delivered(anEvent('b', 2), anEvent('b', 2)));
    expect(await alarms()).toEqual([
      { kind: 'conflict', key: 'a', sequence: 1, seen: 1 },
      { kind: 'conflict', key: 'a', sequence: 3, seen: 1 },
      { kind: 'conflict', key: 'b', sequence: 2, seen: 1 },
    ]);
    expect(consumer.counts.alarms).toBe(3);
    await consumer.deliver(delivered(anEvent('a', 2)));
    expect(await effects()).toEqual(['a:1', 'a:2', 'a:3']);
  });

  it('starts the keys of a higher epoch at 1, and keeps what comes late of the lower one as letters', async () => {
    const consumer = aConsumer();
    const [first, second, third] = [anEvent('a', 1), anEvent('a', 2), anEvent('a', 3)];
    await consumer.deliver(delivered(first, third)); // the third waits for the second
    await consumer.deliver(delivered(anEvent('a', 2, { epoch: 2 }), anEvent('a', 1, { epoch: 2 })));
    expect(await effects()).toEqual(['a:1', 'a/2:1', 'a/2:2']);
    expect(await waiting()).toEqual([]);
    await consumer.deliver(delivered(first, second)); // one that was applied in its time, one that was not
    expect(await effects()).toEqual(['a:1', 'a/2:1', 'a/2:2']);
    const letters = await rows('select kind, event_id, blocks_key from notification.dead_letters order by sequence');
    expect(letters).toEqual([second, third].map(({ id }) => ({ kind: 'stale', event_id: id, blocks_key: false })));
    expect((await alarms()).map(({ kind }) => kind)).toEqual(['stale', 'stale']);
  });

  it('drops the wait of a failing event together with its epoch, in the same batch too', async () => {
    const consumer = aConsumer((event) => {
      if (event.epoch === 1) throw new Error('no');
    });
    await consumer.deliver(delivered(anEvent('a', 1), anEvent('a', 1, { epoch: 2 })));
    expect(await effects()).toEqual(['a/2:1']);
    expect(await waiting()).toEqual([]);
    expect((await rows('select kind from notification.dead_letters')).map(({ kind }) => kind)).toEqual(['stale']);
  });

  it('takes a sound copy of what came broken before, whether it is its turn or not', async () => {
    const consumer = aConsumer();
    const sound = [anEvent('a', 1), anEvent('a', 2)];
    const broken = sound.map((event) => ({ ...event, data: { half: 'of it' } }));
    await consumer.deliver(delivered(broken[1], broken[0]));
    expect(await waiting()).toEqual(['a:1 unknown', 'a:2 unknown']);
    await consumer.deliver(delivered(sound[1]));
    await consumer.deliver(delivered(sound[0]));
    expect(await effects()).toEqual(['a:1', 'a:2']);
    expect(await rows("select id from notification.dead_letters where status = 'open'")).toEqual([]);
  });

  it('keeps every body that JSON allows', async () => {
    const consumer = aConsumer();
    const nul = anEvent('a\u0000', 1, { type: 'not\u0000ours', data: { text: '\u0000 \ud800 \u2028' } });
    expect(await consumer.deliver(delivered(nul, '\u0000', null, Infinity, [[]]))).toEqual(Array(5).fill('success'));
    expect((await rows('select kind from notification.dead_letters')).length).toBe(4); // Infinity and null are both null in JSON
  });

  it('runs the whole batch again when the database ends a deadlock with it', async () => {
    await harness.base.execute("insert into notification.effects (at) values ('x'), ('y')");
    const holdsX = Promise.withResolvers<void>();
    let runs = 0;
    const consumer = aConsumer(async (_, unit) => {
      runs += 1;
      await execute(unit.tx, sql`update effects set at = 'x' where at = 'x'`);
      holdsX.resolve();
      await execute(unit.tx, sql`update effects set at = 'y' where at = 'y'`);
    });
    // Another transaction with the same rows in the opposite order; whoever the server picks, the batch gets through.
    const { admin } = harness.base;
    await admin.query(
      "begin; set local deadlock_timeout = '10s'; update notification.effects set at = 'y' where at = 'y'",
    );
    const delivering = consumer.deliver(delivered(anEvent('a', 1), anEvent('a', 2)));
    await holdsX.promise;
    await admin.query("update notification.effects set at = 'x' where at = 'x'; commit");
    expect(await delivering).toEqual(['success', 'success']);
    expect(await effects()).toEqual(['x', 'y', 'a:1', 'a:2']);
    expect(runs).toBe(3); // the first was ended, then both went through
    expect(await waiting()).toEqual([]); // a deadlock is no failure of the handler
  });

  it('runs the batch again as often as the database asks for it, and counts no attempt', async () => {
    let conflictsLeft = 4;
    const consumer = aConsumer(() => {
      // What Prisma makes of a serialization failure.
      if ((conflictsLeft -= 1) >= 0) throw Object.assign(new Error('write conflict'), { code: 'P2034' });
    });
    expect(await consumer.deliver(delivered(anEvent('a', 1)))).toEqual(['success']);
    expect(await effects()).toEqual(['a:1']);
    expect(await waiting()).toEqual([]);
  });

  it('gives a batch that takes long several transactions, so that none grows old, and keeps its order', async () => {
    const pause = () => new Promise<void>((done) => setTimeout(done, 15));
    const consumer = aConsumer(pause, { budgetMs: 40 });
    const events = Array.from({ length: 12 }, (_, n) => anEvent('a', n + 1));
    const delivering = consumer.deliver(delivered(...events));
    const seenMeanwhile = await eventually(async () => {
      const seen = (await effects()).length;
      expect(seen).toBeGreaterThan(0);
      return seen;
    });
    expect(seenMeanwhile).toBeLessThan(12);
    await delivering;
    expect(await effects()).toEqual(events.map(({ sequence }) => `a:${sequence}`));
  });

  it('leaves a long wait behind a gap to several transactions, too', async () => {
    const consumer = aConsumer(() => new Promise<void>((done) => setTimeout(done, 15)), { budgetMs: 40 });
    const events = Array.from({ length: 12 }, (_, n) => anEvent('a', n + 1));
    await consumer.deliver(delivered(...events.slice(1)));
    expect((await waiting()).length).toBe(11);
    await consumer.deliver(delivered(events[0]));
    expect((await effects()).length).toBeLessThan(12);
    consumer.start();
    await eventually(async () => expect(await effects()).toEqual(events.map(({ sequence }) => `a:${sequence}`)));
    await eventually(async () => expect(await waiting()).toEqual([]));
  });

  it('answers retry while its database is not there, and succeeds afterwards', async () => {
    const consumer = aConsumer();
    const batch = delivered(anEvent('a', 1));
    const { database } = harness.base.database.options;
    await harness.base.execute(`revoke connect on database ${database} from public`);
    try {
      await harness.base.admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'dsops_notification' and datname = current_database()",
      );
      await eventually(async () => expect(await consumer.deliver(batch)).toEqual(['retry']));
    } finally {
      await harness.base.execute(`grant connect on database ${database} to public`);
    }
    await eventually(async () => expect(await consumer.deliver(batch)).toEqual(['success']));
    expect(await effects()).toEqual(['a:1']);
  });

  it('blames the handler that swallows an error of the database, and nobody else', async () => {
    const consumer = aConsumer(async (event, unit) => {
      unit.emit({
        event: inboxDelivered,
        key: event.partitionkey,
        subject: 'notification/1',
        data: inboxDelivered.example,
      });
      if (event.partitionkey === 'a') await execute(unit.tx, sql`select 1/0`).catch(() => undefined);
    });
    await consumer.deliver(delivered(anEvent('a', 1), anEvent('b', 1)));
    expect(await effects()).toEqual(['b:1']);
    expect(await waiting()).toEqual(['a:1 retrying']);
    expect(await rows('select key from notification.outbox')).toEqual([{ key: 'b' }]);
  });
});
