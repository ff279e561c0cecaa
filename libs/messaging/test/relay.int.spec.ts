import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { execute, sql } from '@dsops/database';
import { eventually } from '@dsops/testing';
import { answerHeads, retireSubscriber } from '../src/completeness/heads.repository.js';
import { PrismaUnitOfWork, type Published, type Transport } from '../src/index.js';
import { OutboxPruning } from '../src/outbox/pruning.repository.js';
import * as leases from '../src/outbox/relay-lease.repository.js';
import { Relay } from '../src/outbox/relay.service.js';
import { openHarness, type EmbeddedHarness } from './harness.js';

/** A broker that accepts what it is told to accept, and remembers it. */
class Broker implements Transport {
  readonly accepted: Published[] = [];
  readonly sizes: number[] = [];
  isDown = false;
  refuses: (entry: Published) => boolean = () => false;
  failsWith: (entry: Published) => boolean = () => false;

  async publish(batch: readonly Published[]): Promise<{ refused: { id: string; reason: string }[] }> {
    this.sizes.push(batch.length);
    if (this.isDown || batch.some(this.failsWith)) throw new Error('the broker refuses the whole bulk');
    const refused = batch.filter(this.refuses);
    this.accepted.push(...batch.filter((entry) => !refused.includes(entry)));
    return { refused: refused.map(({ event }) => ({ id: event.id, reason: 'too hot' })) };
  }

  subscribe(): Promise<never> {
    throw new Error('nobody listens here');
  }

  sequencesOf(key: string): number[] {
    return this.accepted.filter((entry) => entry.key === key).map(({ event }) => Number(event.sequence));
  }
}

describe('the relay', () => {
  let harness: EmbeddedHarness;
  let broker: Broker;
  let work: PrismaUnitOfWork;
  let relays: Relay[];

  beforeAll(async () => {
    harness = await openHarness();
    work = new PrismaUnitOfWork(harness.producer, 'rotation');
  });
  afterAll(() => harness.close());
  beforeEach(async () => {
    broker = new Broker();
    relays = [];
    await harness.execute(`truncate rotation.outbox, rotation.sequence_counters, rotation.relay_lease,
      rotation.relay_backoffs, rotation.subscribers, rotation.reported_cursors`);
  });
  afterEach(async () => {
    for (const relay of relays) await relay.stop();
  });

  const prune = (consumers: readonly string[], keepSentMs: number) =>
    new OutboxPruning({ database: harness.producer, consumersOf: () => consumers, keepSentMs }).walk();

  const say = (key: string, count = 1) =>
    work.run(async (unit) => {
      for (let n = 0; n < count; n += 1)
        unit.emit({ event: rotationStarted, key, subject: 'rotation/1', data: rotationStarted.example });
    });
  const start = (transport: Transport = broker, settings = {}) => {
    const { producer: database, logger } = harness;
    const relay = new Relay({
      service: 'rotation',
      database,
      transport,
      logger,
      consumersOf: () => [],
      settings: { pollMs: 20, leaseMs: 300, ...settings },
    });
    relays.push(relay);
    relay.start();
    return relay;
  };
  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1);
  const unsent = async () => (await harness.admin.query('select from rotation.outbox where sent_at is null')).rowCount;

  it('publishes what commits late, although later rows have gone long before', async () => {
    const late = Promise.withResolvers<void>();
    const isWritten = Promise.withResolvers<void>();
    // The row of this transaction stands in the outbox before those of b, and is visible after them.
    const writing = harness.producer.$transaction(async (tx) => {
      await execute(
        tx,
        sql`with counted as (insert into sequence_counters values ('rotation-events', 'a', 1, 1, pg_current_xact_id()))
         insert into outbox (topic, key, epoch, sequence, id, type, subject, said_at, data)
         values ('rotation-events', 'a', 1, 1, '01JD0000000000000000000001', ${rotationStarted.type}, 's', now(),
                 '{}')`,
      );
      isWritten.resolve();
      await late.promise;
    });
    await isWritten.promise;
    start();
    await say('b', 3);
    await eventually(() => expect(broker.sequencesOf('b')).toEqual([1, 2, 3]));
    late.resolve();
    await writing;
    await eventually(() => expect(broker.sequencesOf('a')).toEqual([1]));
  });

  it('works alone while it holds the lease, and another goes on when it has stopped', async () => {
    const other = new Broker();
    const first = start(broker);
    await say('a');
    await eventually(() => expect(broker.accepted.length).toBe(1));
    start(other);
    await say('a', 5);
    await eventually(async () => expect(await unsent()).toBe(0));
    expect(other.accepted).toEqual([]);
    await first.stop();
    await say('a');
    await eventually(() => expect(other.sequencesOf('a')).toEqual([7]));
    expect(broker.sequencesOf('a')).toEqual(upTo(6));
  });

  it('publishes each of a backlog once, though it reads ahead and marks behind', async () => {
    for (let n = 0; n < 10; n += 1) for (const key of ['a', 'b']) await say(key);
    start(broker, { batchSize: 3 });
    await eventually(async () => expect(await unsent()).toBe(0));
    expect(broker.sizes).toEqual([3, 3, 3, 3, 3, 3, 2]);
    expect([broker.sequencesOf('a'), broker.sequencesOf('b')]).toEqual([upTo(10), upTo(10)]);
  });

  it('forgets what it has read ahead when a key of it was refused', async () => {
    let refusals = 1;
    broker.refuses = ({ key, event }) => key === 'a' && event.sequence === '1' && refusals-- > 0;
    await say('a');
    await say('b', 2);
    await say('a');
    await say('b', 2);
    start(broker, { batchSize: 3 });
    await eventually(() => expect(broker.sequencesOf('a')).toEqual([1, 2]));
    expect(broker.sequencesOf('b')).toEqual(upTo(4));
  });

  it('finds the next batch of a large backlog without reading all of it', async () => {
    await harness.execute(
      `insert into rotation.outbox (topic, key, epoch, sequence, id, type, subject, said_at, data, sent_at)
       select 'rotation-events', 'a', 1, n, n::text, 't', 's', now(), '{}', case when n <= 10000 then now() end
         from generate_series(1, 20000) n`,
    );
    /** By this session, of the outbox. */
    const rowsRead = async () => {
      const { rows } = await harness.admin.query<{ read: number }>(
        `select (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as read
           from pg_stat_xact_user_tables where schemaname = 'rotation' and relname = 'outbox'`,
      );
      return rows[0]!.read;
    };
    for (const statistics of ['none', 'fresh']) {
      if (statistics === 'fresh') await harness.execute('analyze rotation.outbox');
      const before = await rowsRead();
      await harness.admin.query(`select from rotation.unsent_entries(500, array[10001], interval '1 minute')`);
      expect((await rowsRead()) - before).toBeLessThan(600);
    }
  });

  it('marks nothing after another has taken the lease: the fence stands in the statement', async () => {
    await say('a', 3);
    const { rows } = await harness.admin.query<{ position: string }>('select position from rotation.outbox');
    const positions = rows.map(({ position }) => BigInt(position));
    const asleep = await leases.takeLease(harness.producer, 'asleep', 1);
    const awake = await eventually(async () => {
      const taken = await leases.takeLease(harness.producer, 'awake', 60_000);
      expect(taken).toBeDefined();
      return taken!;
    });
    expect(awake.fence).toBeGreaterThan(asleep!.fence);
    expect(await leases.markSent(harness.producer, asleep!, positions)).toBe(false);
    expect(await leases.renewLease(harness.producer, asleep!, 60_000)).toBe(false);
    expect(await unsent()).toBe(3);
    expect(await leases.markSent(harness.producer, awake, positions)).toBe(true);
    expect(await unsent()).toBe(0);
  });

  it('holds back the key of a refused entry, and only that', async () => {
    broker.refuses = ({ key, event }) => key === 'a' && event.sequence === '2';
    await say('a', 2);
    start();
    await eventually(() => expect(broker.sequencesOf('a')).toEqual([1]));
    await say('a');
    await say('b', 3);
    await eventually(() => expect(broker.sequencesOf('b')).toEqual([1, 2, 3]));
    expect(broker.sequencesOf('a')).toEqual([1]);
    broker.refuses = () => false;
    await eventually(() => expect(broker.sequencesOf('a')).toEqual([1, 2, 3]));
    await eventually(async () =>
      expect((await harness.admin.query('select from rotation.relay_backoffs')).rowCount).toBe(0),
    );
  });

  it('halves a bulk that is refused whole, down to the entry that it is refused for', async () => {
    broker.failsWith = ({ key, event }) => key === 'a' && event.sequence === '1';
    await say('b', 20);
    await say('a');
    await say('c', 20);
    start();
    await eventually(() => expect([...broker.sequencesOf('b'), ...broker.sequencesOf('c')]).toHaveLength(40));
    expect(broker.sequencesOf('a')).toEqual([]);
    expect(broker.sizes.slice(0, 3)).toEqual([41, 21, 11]);
    broker.failsWith = () => false;
    await eventually(() => expect(broker.sequencesOf('a')).toEqual([1]));
  });

  it('holds back no key while the whole transport is down', async () => {
    broker.isDown = true;
    await Promise.all(upTo(8).map((n) => say(`key ${n}`, 2)));
    start();
    await eventually(() => expect(broker.sizes.filter((size) => size === 1).length).toBeGreaterThan(3));
    expect((await harness.admin.query('select from rotation.relay_backoffs')).rowCount).toBe(0);
    broker.isDown = false;
    await eventually(async () => expect(await unsent()).toBe(0));
    for (const n of upTo(8)) expect(broker.sequencesOf(`key ${n}`)).toEqual([1, 2]);
  });

  it('publishes at once after a pause, and what comes right behind it together', async () => {
    await say('a');
    const relay = start(broker, { pollMs: 60_000, restMs: 400 });
    await eventually(async () => expect(await unsent()).toBe(0));
    for (const key of ['b', 'c', 'd']) {
      await say(key);
      relay.poke();
    }
    await eventually(async () => expect(await unsent()).toBe(0));
    expect(broker.sizes).toEqual([1, 3]);
  });

  it('marks without waiting for the disk, and leaves its connection as it was', async () => {
    const lease = (await leases.takeLease(harness.producer, 'x', 10_000))!;
    await say('a');
    const client = harness.admin;
    const connection = {
      $executeRawUnsafe: async (query: string, ...values: unknown[]) =>
        (await client.query(query, values)).rowCount ?? 0,
      $queryRawUnsafe: async <T>(query: string, ...values: unknown[]) => (await client.query(query, values)).rows as T,
    };
    await client.query('set search_path = rotation; set synchronous_commit = on');
    const [{ position }] = (await client.query<{ position: string }>('select position from outbox')).rows as [
      { position: string },
    ];
    const durability = async () => (await client.query<{ synchronous_commit: string }>('show synchronous_commit')).rows;
    await client.query('begin');
    expect(await leases.markSent(connection, lease, [BigInt(position)])).toBe(true);
    expect(await durability()).toEqual([{ synchronous_commit: 'off' }]);
    await client.query('commit');
    expect(await durability()).toEqual([{ synchronous_commit: 'on' }]);
    await client.query('reset all');
    expect(await unsent()).toBe(0);
  });

  it('prunes what every consumer has settled, and nothing that one of them has not', async () => {
    start();
    await say('a', 5);
    await say('b', 5);
    await eventually(async () => expect(await unsent()).toBe(0));
    const report = (consumer: string, key: string, sequence: number) =>
      answerHeads(harness.producer, {
        consumer,
        topics: [],
        cursors: [{ topic: 'rotation-events', key, epoch: 1, sequence: String(sequence) }],
      });
    const left = async () => {
      await prune(['declared'], 0);
      const { rows } = await harness.admin.query<{ at: string }>(
        `select key || sequence as at from rotation.outbox order by key, sequence`,
      );
      return rows.map(({ at }) => at).join(' ');
    };
    const all = 'a1 a2 a3 a4 a5 b1 b2 b3 b4 b5';
    expect(await left()).toBe(all); // nobody has reported yet
    await report('other', 'a', 5);
    expect(await left()).toBe(all); // the declared one has not
    await report('declared', 'a', 3);
    expect(await left()).toBe('a3 a4 a5 b1 b2 b3 b4 b5'); // strictly below the lowest cursor
    await report('declared', 'a', 5);
    await report('declared', 'b', 5);
    expect(await left()).toBe('a5 b1 b2 b3 b4 b5');
    expect(await retireSubscriber(harness.producer, 'other')).toBe(true);
    expect(await left()).toBe('a5 b5');
    expect(await retireSubscriber(harness.producer, 'nobody')).toBe(false);
  });

  it('keeps what was sent a moment ago, whoever has settled it', async () => {
    start();
    await say('a', 3);
    await eventually(async () => expect(await unsent()).toBe(0));
    await answerHeads(harness.producer, {
      consumer: 'c',
      topics: [],
      cursors: [{ topic: 'rotation-events', key: 'a', epoch: 1, sequence: '3' }],
    });
    expect(await prune(['c'], 60_000)).toBe(0);
    expect(await prune(['c'], 0)).toBe(2);
  });

  it('reads a part of what somebody holds back, goes on behind it the next time, and comes back to it', async () => {
    const held = 100_500;
    // Eight days old, as if it had been said through the outbox.
    await harness.execute(
      `insert into rotation.outbox (topic, key, epoch, sequence, id, type, subject, said_at, data, sent_at)
       select 'rotation-events', key, 1, n, key || n, 't', 's', now() - interval '8 days', '{}', now() - interval '8 days'
         from (select 'held' as key, n from generate_series(1, ${held}) n union all select 'free', n from generate_series(1, 10) n) said
        order by key desc, n;
       insert into rotation.sequence_counters values ('rotation-events', 'held', 1, ${held}, '1'), ('rotation-events', 'free', 1, 10, '1')`,
    );
    const report = (key: string, sequence: number) =>
      answerHeads(harness.producer, {
        consumer: 'c',
        topics: [],
        cursors: [{ topic: 'rotation-events', key, epoch: 1, sequence: String(sequence) }],
      });
    const week = 7 * 86_400_000;
    const pruning = new OutboxPruning({ database: harness.producer, consumersOf: () => ['c'], keepSentMs: week });
    await report('free', 10);
    expect(await pruning.walk()).toBe(0);
    expect(await pruning.walk()).toBe(9);
    await report('held', held);
    expect(await pruning.walk()).toBe(held - 1);
  });

  it('prunes what nobody listens to', async () => {
    start();
    await say('a', 3);
    await eventually(async () => expect(await unsent()).toBe(0));
    expect(await prune([], 0)).toBe(3);
  });
});
