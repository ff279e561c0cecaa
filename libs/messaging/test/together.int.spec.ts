import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventRegistry, rotationProgressed, rotationStarted, type EventEnvelope } from '@dsops/contracts';
import { systemClock } from '@dsops/kernel';
import { anEvent } from '../src/conformance/an-event.js';
import { handlersOf, Handles, HandlesTogether, type Unit } from '../src/index.js';
import { Consumer, type ConsumerSettings } from '../src/inbox/consumer.service.js';
import { preparingFor } from '../src/outbox/unit-of-work.service.js';
import type { SqlExecutor } from '@dsops/database';
import { openHarness, type EmbeddedHarness } from './harness.js';

const placeOf = ({ partitionkey, sequence }: EventEnvelope): string => `${partitionkey}:${sequence}`;
const write = (tx: SqlExecutor, places: readonly string[]) =>
  tx.$executeRawUnsafe('insert into effects (at) select * from unnest($1::text[])', places);

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
    const [{ seen } = { seen: 0 }] = await tx.$queryRawUnsafe<{ seen: number }[]>('select count(*)::int as seen from effects where at like $1', `${event.partitionkey}:%`); // prettier-ignore
    await write(tx, [`${placeOf(event)} after ${seen}`]);
  }
}

describe('events that are taken together', () => {
  let harness: EmbeddedHarness;
  let running: Consumer[];

  beforeAll(async () => {
    harness = await openHarness();
    await harness.execute(`create table notification.effects (nth bigint generated always as identity, at text not null);
                           grant select, insert on notification.effects to dsops_notification`);
  });
  afterAll(() => harness.close());
  beforeEach(async () => {
    running = [];
    await harness.execute(`truncate notification.effects, notification.consumer_cursors, notification.processed_events,
      notification.parked, notification.dead_letters`);
  });
  afterEach(async () => {
    for (const consumer of running) await consumer.stop();
  });

  const join = (meanwhile: Meanwhile = () => undefined, settings: Partial<ConsumerSettings> = {}) => {
    const { consumer: database, logger } = harness;
    const listener = new Listener(meanwhile);
    const consumer = new Consumer({
      declaration: {
        name: 'listener',
        service: 'notification',
        topics: ['rotation-events'],
        handles: [rotationStarted, rotationProgressed],
        retryDelaysMs: [60_000],
        deadLetter: 'blocks',
        isOrderFree: false,
      },
      handlers: handlersOf(listener),
      registry: eventRegistry,
      database,
      logger,
      clock: systemClock,
      prepare: preparingFor('notification', systemClock),
      onSaid: () => undefined,
      settings,
    });
    running.push(consumer);
    return { listener, deliver: (...events: unknown[]) => consumer.deliver(events.map((body) => ({ topic: 'rotation-events', body }))) }; // prettier-ignore
  };
  const column = async (query: string): Promise<string[]> =>
    (await harness.consumer.$queryRawUnsafe<{ at: string }[]>(query)).map(({ at }) => at);
  const effects = () => column('select at from effects order by nth');
  const cursors = () => column(`select key || ':' || sequence as at from consumer_cursors order by key`);
  const waiting = () =>
    column(`select key || ':' || sequence || ' ' || state as at from parked order by key, sequence`);

  it('come in one call, each key in its order, however they arrived', async () => {
    const { listener, deliver } = join();
    expect(await deliver(anEvent('b', 2), anEvent('a', 1), anEvent('b', 1), anEvent('a', 2))).toEqual(Array(4).fill('success')); // prettier-ignore
    expect(listener.calls).toHaveLength(1);
    expect(listener.calls[0]!.filter((at) => at.startsWith('a'))).toEqual(['a:1', 'a:2']);
    expect(listener.calls[0]!.filter((at) => at.startsWith('b'))).toEqual(['b:1', 'b:2']);
    expect(await cursors()).toEqual(['a:2', 'b:2']);
  });

  it('are handed over before another handler sees a later event', async () => {
    const { deliver } = join();
    const progressed = { ...anEvent('a', 3), type: rotationProgressed.type, data: rotationProgressed.example };
    await deliver(anEvent('a', 1), anEvent('a', 2), progressed, anEvent('a', 4));
    expect(await effects()).toEqual(['a:1', 'a:2', 'a:3 after 2', 'a:4']);
  });

  it('come one by one when one of them fails: it and its key wait, nothing else', async () => {
    const { deliver } = join((events) => {
      if (events.some((event) => placeOf(event) === 'a:2')) throw new Error('poison');
    });
    await deliver(...[1, 2, 3].flatMap((sequence) => [anEvent('a', sequence), anEvent('b', sequence)]));
    expect((await effects()).toSorted()).toEqual(['a:1', 'b:1', 'b:2', 'b:3']);
    expect(await waiting()).toEqual(['a:2 retrying', 'a:3 waiting']);
    expect(await cursors()).toEqual(['a:1', 'b:3']);
  });

  it('come one by one when they do not come back in time, and the one that hangs is blamed', async () => {
    const { deliver } = join(
      (events) => (events.some((event) => placeOf(event) === 'b:1') ? new Promise(() => undefined) : undefined),
      { handlerTimeoutMs: 50 },
    );
    await deliver(anEvent('a', 1), anEvent('b', 1));
    expect(await effects()).toEqual(['a:1']);
    expect(await waiting()).toEqual(['b:1 retrying']);
  });

  it('leave nothing behind when the cursors cannot move', async () => {
    const { deliver } = join();
    await harness.execute('alter table notification.processed_events rename to away');
    try {
      expect(await deliver(anEvent('a', 1), anEvent('b', 1))).toEqual(['retry', 'retry']);
    } finally {
      await harness.execute('alter table notification.away rename to processed_events');
    }
    expect(await effects()).toEqual([]);
    await deliver(anEvent('a', 1), anEvent('b', 1));
    expect(await effects()).toEqual(['a:1', 'b:1']);
  });
});
