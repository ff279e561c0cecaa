import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { execute, sql } from '@dsops/database';
import { eventually } from '@dsops/testing';
import { answerHeads } from '../src/completeness/heads.repository.js';
import { ChaosTransport } from '../src/conformance/chaos-transport.js';
import { World } from '../src/conformance/world.js';
import { OutboxPruning } from '../src/outbox/pruning.repository.js';
import { openHarness, type EmbeddedHarness } from './harness.js';

const topic = 'rotation-events';

describe('completeness', () => {
  let harness: EmbeddedHarness;
  let world: World;

  beforeEach(async () => {
    harness = await openHarness();
    world = await World.around(harness);
  });
  afterEach(() => world.end());

  const rows = async (query: string) => (await harness.admin.query<Record<string, unknown>>(query)).rows;
  const losses = () =>
    rows(
      "select key, sequence::integer, seen > 0 as seen, resolved_at is not null as resolved from notification.event_alarms where kind = 'loss'",
    );
  const prune = (consumers: readonly string[], keepSentMs: number) =>
    new OutboxPruning({ database: harness.producer, consumersOf: () => consumers, keepSentMs }).walk();
  const heads = (since?: string) =>
    answerHeads(harness.producer, {
      consumer: 'asker',
      topics: [topic],
      cursors: [],
      ...(since === undefined ? {} : { since }),
    });
  const keysOf = (answer: Awaited<ReturnType<typeof heads>>) => answer.heads.map(({ key }) => key);

  it('tells heads that changed since the last pass, one that committed late included', async () => {
    await world.say('a', '1');
    const late = Promise.withResolvers<void>();
    const isWritten = Promise.withResolvers<void>();
    const writing = harness.producer.$transaction(async (tx) => {
      await execute(tx, sql`insert into sequence_counters values (${topic}, 'late', 1, 1, pg_current_xact_id())`);
      isWritten.resolve();
      await late.promise;
    });
    await isWritten.promise;
    await world.say('b', '1'); // a later transaction that commits earlier
    const first = await heads();
    expect(keysOf(first)).toEqual(['a', 'b']);
    late.resolve();
    await writing;
    const second = await heads(first.asOf);
    expect(keysOf(second)).toContain('late');
    await eventually(async () => expect(keysOf(await heads((await heads()).asOf))).toEqual([]));
    expect(keysOf(await heads('999999999999'))).toEqual(['a', 'b', 'late']); // from another server: everything
  });

  it('reports cursors, so that the producer may prune what is settled', async () => {
    const { transport } = await world.open();
    world.relay(transport);
    await world.join({ transport });
    await world.say('a', '1', '2', '3');
    await eventually(async () =>
      expect(await rows('select consumer, key, sequence::integer from rotation.reported_cursors')).toEqual([
        { consumer: 'listener', key: 'a', sequence: 3 },
      ]),
    );
    expect(await prune(['listener'], 0)).toBe(2);
  });

  it('gives everything to a consumer that was down past a pruning run', async () => {
    const { transport } = await world.open();
    world.relay(transport);
    const sleeper = await world.join({ transport, name: 'sleeper' });
    await world.join({ transport, name: 'awake' });
    await world.say('a', '1', '2');
    const reported = async () =>
      expect(await rows('select consumer from rotation.reported_cursors where sequence = 2 order by 1')).toHaveLength(
        2,
      );
    await eventually(reported);
    await sleeper.stop();
    await world.say('a', '3', '4', '5', '6');
    await harness.execute("delete from delivery.deliveries where consumer = 'sleeper'"); // and the transport has forgotten
    await eventually(async () =>
      expect(await rows("select sequence::integer from rotation.reported_cursors where consumer = 'awake'")).toEqual([
        { sequence: 6 },
      ]),
    );
    expect(await prune(['sleeper', 'awake'], 0)).toBe(1); // what both have settled
    await world.join({ transport, name: 'sleeper' });
    await eventually(async () => assert.deepEqual(await world.textsOf('a', 'sleeper'), ['1', '2', '3', '4', '5', '6']));
    await eventually(async () => {
      await prune(['sleeper', 'awake'], 0);
      expect(await rows('select sequence::integer from rotation.outbox')).toEqual([{ sequence: 6 }]);
    });
  });

  it('raises one alarm for an event that nobody has any more; its key stops, and goes on when it comes after all', async () => {
    const { transport } = await world.open();
    const lost = new ChaosTransport(transport, { drops: ({ key, event }) => key === 'a' && event.sequence === '2' });
    world.relay(lost);
    await world.say('a', '1');
    await world.join({ transport });
    await eventually(async () => assert.deepEqual(await world.textsOf('a'), ['1']));
    // The producer loses the event as soon as it is sent, and keeps a copy for us.
    await harness.execute(`create function rotation.forget() returns trigger language plpgsql as
      $$ begin if new.sequence = 2 and new.sent_at is not null then insert into rotation.kept select new.*; delete from rotation.outbox where position = new.position; end if; return null; end $$;
      create table rotation.kept (like rotation.outbox); grant all on rotation.kept to dsops_rotation;
      create trigger forget after update on rotation.outbox for each row execute function rotation.forget()`);
    await world.say('a', '2', '3');
    await world.say('b', '1');
    await eventually(async () =>
      expect(await losses()).toEqual([{ key: 'a', sequence: 2, seen: true, resolved: false }]),
    );
    await eventually(async () => assert.deepEqual(await world.textsOf('b'), ['1']));
    assert.deepEqual(await world.textsOf('a'), ['1']);
    await harness.execute(`drop trigger forget on rotation.outbox;
      insert into rotation.outbox overriding system value select * from rotation.kept`);
    await eventually(async () => assert.deepEqual(await world.textsOf('a'), ['1', '2', '3']));
    await eventually(async () =>
      expect(await losses()).toEqual([{ key: 'a', sequence: 2, seen: true, resolved: true }]),
    );
  });

  it('notices a producer that was restored behind its consumers without a new epoch', async () => {
    const { transport } = await world.open();
    const relay = world.relay(transport);
    await world.join({ transport });
    await world.say('a', '1', '2', '3');
    await eventually(async () => assert.deepEqual(await world.textsOf('a'), ['1', '2', '3']));
    await relay.stop();
    await harness.execute(`update rotation.sequence_counters set head = 1, changed_in = pg_current_xact_id();
                           delete from rotation.outbox where sequence > 1`);
    await eventually(async () =>
      expect(await rows('select kind, key, sequence::integer from notification.event_alarms')).toEqual([
        { kind: 'ahead', key: 'a', sequence: 3 },
      ]),
    );
  });

  it('waits with a start from now until every producer has told its heads', async () => {
    const { transport } = await world.open();
    world.relay(transport);
    await world.say('a', '1', '2');
    await harness.execute('revoke select on rotation.sequence_counters from dsops_rotation');
    const joining = world.join({ transport, startsFrom: 'now' });
    await world.say('b', '1').catch(() => undefined);
    expect(await rows('select name from notification.consumers')).toEqual([]);
    await harness.execute('grant select on rotation.sequence_counters to dsops_rotation');
    await joining;
    await world.say('a', '3');
    await eventually(async () => assert.deepEqual(await world.textsOf('a'), ['3']));
    expect(
      await rows("select start_sequence::integer as start from notification.consumer_cursors where key = 'a'"),
    ).toEqual([{ start: 2 }]);
  });
});
