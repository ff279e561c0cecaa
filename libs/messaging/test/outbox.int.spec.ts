import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MAX_EVENT_BYTES, type EventEnvelope } from '@dsops/contracts/envelope';
import { rotationProgressed, rotationStarted } from '@dsops/contracts/rotation/events';
import { execute, sql } from '@dsops/database';
import { newId, systemClock } from '@dsops/kernel';
import { inContext } from '@dsops/platform';
import { readEventsAbove } from '../src/outbox/outbox.repository.js';
import { PrismaUnitOfWork, raiseEpoch, type Unit } from '../src/index.js';
import { openHarness, type EmbeddedHarness } from './harness.js';

describe('a unit of work', () => {
  let harness: EmbeddedHarness;
  let work: PrismaUnitOfWork;
  let commits: number;
  let faults: unknown[];

  beforeAll(async () => {
    harness = await openHarness();
    await harness.execute(`create table rotation.things (id text primary key, n integer not null default 0);
                           grant all on rotation.things to dsops_rotation`);
  });
  afterAll(() => harness.close());
  beforeEach(async () => {
    await harness.execute('truncate rotation.outbox, rotation.sequence_counters, rotation.things');
    commits = 0;
    faults = [];
    work = new PrismaUnitOfWork(harness.producer, 'rotation', systemClock, {
      onCommit: () => (commits += 1),
      onFault: (error) => faults.push(error),
    });
  });

  const emit = (unit: Unit, key: string, reason = '') =>
    unit.emit({ event: rotationStarted, key, subject: 'rotation/1', data: { ...rotationStarted.example, reason } });
  const saidOf = (key: string): Promise<EventEnvelope[]> =>
    readEventsAbove(harness.producer, 'rotation', { topic: 'rotation-events', key, epoch: 0, sequence: 0n }, 1_000);
  const sequencesOf = async (key: string) => (await saidOf(key)).map(({ sequence }) => Number(sequence));
  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

  it('numbers the events of each key without gaps, whoever commits and whoever fails', async () => {
    const runs = Array.from({ length: 120 }, (_, n) =>
      work
        .run(async (unit) => {
          emit(unit, `key ${n % 3}`);
          if (n % 4 === 0) throw new Error('taken back');
          await execute(unit.tx, sql`insert into things (id) values (${String(n)})`);
        })
        .catch(() => undefined),
    );
    await Promise.all(runs);
    for (const key of ['key 0', 'key 1', 'key 2']) expect(await sequencesOf(key)).toEqual(upTo(30));
    expect(commits).toBe(90);
  });

  it('keeps the order in which one unit says several events of a key', async () => {
    await work.run(async (unit) => {
      for (const reason of ['first', 'second', 'third']) {
        emit(unit, 'a', reason);
        emit(unit, 'b', reason);
      }
    });
    const reasons = (await saidOf('a')).map(({ data }) => (data as { reason: string }).reason);
    expect(reasons).toEqual(['first', 'second', 'third']);
    expect(await sequencesOf('b')).toEqual([1, 2, 3]);
  });

  it('takes the keys of units that name them in opposite order without a deadlock', async () => {
    const deadlocks = async () =>
      Number(
        (await harness.admin.query('select deadlocks from pg_stat_database where datname = current_database()')).rows[0]
          .deadlocks,
      );
    const before = await deadlocks();
    const keys = upTo(12).map((n) => `key ${n}`);
    await Promise.all(
      Array.from({ length: 80 }, (_, n) =>
        work.run(async (unit) => {
          for (const key of n % 2 === 0 ? keys : keys.toReversed()) emit(unit, key);
        }),
      ),
    );
    for (const key of keys) expect(await sequencesOf(key)).toEqual(upTo(80));
    expect(await deadlocks()).toBe(before);
  });

  it('runs again when the database ends a deadlock with it', async () => {
    await harness.execute("insert into rotation.things (id) values ('x'), ('y')");
    let runs = 0;
    let arrived = 0;
    const bothHold = Promise.withResolvers<void>();
    const touch = (first: string, second: string) =>
      work.run(async (unit) => {
        runs += 1;
        await execute(unit.tx, sql`update things set n = n + 1 where id = ${first}`);
        if ((arrived += 1) === 2) bothHold.resolve();
        await bothHold.promise;
        await execute(unit.tx, sql`update things set n = n + 1 where id = ${second}`);
        emit(unit, 'a');
      });
    await Promise.all([touch('x', 'y'), touch('y', 'x')]);
    expect(runs).toBeGreaterThan(2);
    const { rows } = await harness.admin.query('select n from rotation.things');
    expect(rows).toEqual([{ n: 2 }, { n: 2 }]);
    expect(await sequencesOf('a')).toEqual([1, 2]);
  });

  it('does afterwards what is to be done after the commit, when everybody can see what it is about', async () => {
    const seen = Promise.withResolvers<number | null>();
    await work.run(async (unit) => {
      unit.afterCommit(() => {
        const rows = harness.admin.query("select from rotation.things where id = 'x'");
        rows.then(({ rowCount }) => seen.resolve(rowCount), seen.reject);
      });
      await execute(unit.tx, sql`insert into things (id) values ('x')`);
    });
    expect(await seen.promise).toBe(1);
  });

  it('does nothing of it when the work is taken back, also by the database at the very end', async () => {
    await harness.execute(`drop table if exists rotation.late;
      create table rotation.late (id text unique deferrable initially deferred);
      grant all on rotation.late to dsops_rotation`);
    let done = 0;
    const failing = work.run(async (unit) => {
      unit.afterCommit(() => (done += 1));
      throw new Error('taken back');
    });
    await expect(failing).rejects.toThrow('taken back');
    const refusedAtCommit = work.run(async (unit) => {
      unit.afterCommit(() => (done += 1));
      await execute(unit.tx, sql`insert into late (id) values ('x'), ('x')`);
    });
    await expect(refusedAtCommit).rejects.toThrow();
    expect(done).toBe(0);
  });

  it('does it once when the work had to run again', async () => {
    await harness.execute("insert into rotation.things (id) values ('x'), ('y')");
    const done: string[] = [];
    let runs = 0;
    let arrived = 0;
    const bothHold = Promise.withResolvers<void>();
    const touch = (first: string, second: string) =>
      work.run(async (unit) => {
        runs += 1;
        unit.afterCommit(() => done.push(first));
        await execute(unit.tx, sql`update things set n = n + 1 where id = ${first}`);
        if ((arrived += 1) === 2) bothHold.resolve();
        await bothHold.promise;
        await execute(unit.tx, sql`update things set n = n + 1 where id = ${second}`);
      });
    await Promise.all([touch('x', 'y'), touch('y', 'x')]);
    expect(runs).toBeGreaterThan(2);
    expect(done.toSorted()).toEqual(['x', 'y']);
  });

  it('tells of what fails afterwards, and does the rest: what is committed stays so', async () => {
    const broken = new Error('nobody there');
    let done = 0;
    const answer = work.run(async (unit) => {
      emit(unit, 'a');
      unit.afterCommit(() => {
        throw broken;
      });
      unit.afterCommit(() => (done += 1));
      return 'committed';
    });
    expect(await answer).toBe('committed');
    expect([faults, done, commits]).toEqual([[broken], 1, 1]);
    expect(await sequencesOf('a')).toEqual([1]);
  });

  it('stores the trace of the request and an identity that stays', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await inContext({ traceparent }, () => work.run(async (unit) => emit(unit, 'a')));
    const [said] = await saidOf('a');
    expect(said).toMatchObject({ traceparent, traceid: traceparent, source: '/dsops/rotation', partitionkey: 'a' });
    expect(await saidOf('a')).toEqual([said]);
  });

  it.each([
    ['breaks its contract', { trigger: 'whim' }, 'event_invalid'],
    ['is too large', { reason: 'x'.repeat(MAX_EVENT_BYTES) }, 'event_too_large'],
  ])('comes to nothing when an event %s', async (_, change, code) => {
    const attempt = work.run(async (unit) => {
      await execute(unit.tx, sql`insert into things (id) values ('x')`);
      const data = { ...rotationStarted.example, ...change } as typeof rotationStarted.example;
      unit.emit({ event: rotationStarted, key: 'a', subject: 'rotation/1', data });
    });
    await expect(attempt).rejects.toMatchObject({ code });
    expect((await harness.admin.query('select from rotation.things')).rowCount).toBe(0);
    expect(await saidOf('a')).toEqual([]);
  });

  it('says only events of its own service', async () => {
    const foreign = new PrismaUnitOfWork(harness.consumer, 'notification');
    await expect(foreign.run(async (unit) => emit(unit, 'a'))).rejects.toMatchObject({ code: 'event_invalid' });
  });

  it('counts from 1 again in a new epoch', async () => {
    await work.run(async (unit) => {
      emit(unit, 'a');
      emit(unit, 'a');
    });
    const epoch = await work.run((unit) => raiseEpoch(unit.tx));
    await work.run(async (unit) => {
      unit.emit({
        event: rotationProgressed,
        key: 'a',
        subject: `rotation/${newId()}`,
        data: rotationProgressed.example,
      });
    });
    const places = (await saidOf('a')).map((event) => [event.epoch, event.sequence]);
    expect(places).toEqual([
      [1, '1'],
      [1, '2'],
      [epoch, '1'],
    ]);
  });
});
