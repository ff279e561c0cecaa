import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { rotationProgressed, rotationStarted } from '@dsops/contracts/rotation/events';
import { execute, query, sql, type SqlExecutor } from '@dsops/database';
import { anEvent } from '../src/conformance/an-event.js';
import { handlersOf, Handles, HandlesTogether, type Unit } from '../src/index.js';
import type { ConsumerSettings } from '../src/inbox/consumer.service.js';
import { ConsumerHarness, delivered, placeOf } from './consumer-harness.js';

const write = (tx: SqlExecutor, places: readonly string[]) =>
  execute(tx, sql`insert into effects (at) select * from unnest(${places}::text[])`);

type Meanwhile = (events: readonly EventEnvelope[], tx: SqlExecutor) => Promise<void> | void;

/** Takes what started together, and what went on one by one. */
class Listener {
  readonly calls: string[][] = [];
  constructor(private readonly meanwhile: Meanwhile) {}

  @HandlesTogether(rotationStarted)
  async started(events: readonly EventEnvelope[], tx: SqlExecutor): Promise<void> {
    this.calls.push(events.map(placeOf));
    await write(tx, events.map(placeOf));
    await this.meanwhile(events, tx);
  }

  @Handles(rotationProgressed)
  async progressed(event: EventEnvelope, { tx }: Unit): Promise<void> {
    const [{ seen } = { seen: 0 }] = await query<{ seen: number }>(
      tx,
      sql`select count(*)::int as seen from effects where at like ${`${event.partitionkey}:%`}`,
    );
    await write(tx, [`${placeOf(event)} after ${seen}`]);
  }
}

describe('events that are taken together', () => {
  let harness: ConsumerHarness;
  beforeAll(async () => {
    harness = await ConsumerHarness.open();
  });
  afterEach(() => harness.clear());
  afterAll(() => harness.close());

  const join = (meanwhile: Meanwhile = () => undefined, settings: Partial<ConsumerSettings> = {}) => {
    const listener = new Listener(meanwhile);
    const handles = [rotationStarted, rotationProgressed];
    const consumer = harness.consumer({ handles, handlers: handlersOf(listener), settings });
    return { listener, deliver: (...events: unknown[]) => consumer.deliver(delivered(...events)) };
  };

  it('come in one call, each key in its order, however they arrived', async () => {
    const { listener, deliver } = join();
    expect(await deliver(anEvent('b', 2), anEvent('a', 1), anEvent('b', 1), anEvent('a', 2))).toEqual(
      Array(4).fill('success'),
    );
    expect(listener.calls).toHaveLength(1);
    expect(listener.calls[0]!.filter((at) => at.startsWith('a'))).toEqual(['a:1', 'a:2']);
    expect(listener.calls[0]!.filter((at) => at.startsWith('b'))).toEqual(['b:1', 'b:2']);
    expect(await harness.cursors()).toEqual(['a:2', 'b:2']);
  });

  it('are handed over before another handler sees a later event', async () => {
    const { deliver } = join();
    const progressed = { ...anEvent('a', 3), type: rotationProgressed.type, data: rotationProgressed.example };
    await deliver(anEvent('a', 1), anEvent('a', 2), progressed, anEvent('a', 4));
    expect(await harness.effects()).toEqual(['a:1', 'a:2', 'a:3 after 2', 'a:4']);
  });

  it('come one by one when one of them fails: it and its key wait, nothing else', async () => {
    const { deliver } = join((events) => {
      if (events.some((event) => placeOf(event) === 'a:2')) throw new Error('poison');
    });
    await deliver(...[1, 2, 3].flatMap((sequence) => [anEvent('a', sequence), anEvent('b', sequence)]));
    expect((await harness.effects()).toSorted()).toEqual(['a:1', 'b:1', 'b:2', 'b:3']);
    expect(await harness.waiting()).toEqual(['a:2 retrying', 'a:3 waiting']);
    expect(await harness.cursors()).toEqual(['a:1', 'b:3']);
  });

  it('come one by one when they do not come back in time, and the one that hangs is blamed', async () => {
    const { deliver } = join(
      (events) => (events.some((event) => placeOf(event) === 'b:1') ? new Promise(() => undefined) : undefined),
      { handlerTimeoutMs: 50 },
    );
    await deliver(anEvent('a', 1), anEvent('b', 1));
    expect(await harness.effects()).toEqual(['a:1']);
    expect(await harness.waiting()).toEqual(['b:1 retrying']);
  });

  it('leave nothing behind when the cursors cannot move', async () => {
    const { deliver } = join();
    await harness.base.execute('alter table notification.processed_events rename to away');
    try {
      expect(await deliver(anEvent('a', 1), anEvent('b', 1))).toEqual(['retry', 'retry']);
    } finally {
      await harness.base.execute('alter table notification.away rename to processed_events');
    }
    expect(await harness.effects()).toEqual([]);
    await deliver(anEvent('a', 1), anEvent('b', 1));
    expect(await harness.effects()).toEqual(['a:1', 'b:1']);
  });
});
