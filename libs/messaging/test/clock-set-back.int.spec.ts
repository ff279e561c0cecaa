import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { query, sql } from '@dsops/database';
import { eventually } from '@dsops/testing';
import { World } from '../src/conformance/world.js';
import { takeLease } from '../src/outbox/relay-lease.repository.js';
import { openHarness, type EmbeddedHarness } from './harness.js';

/**
 * The clock of the database was ahead for a while and is right again: what was to come soon lies two hours ahead, as
 * nothing that is ever armed does. Each case moves its instant there.
 */
describe('when the clock of the database was set back', () => {
  let harness: EmbeddedHarness;
  let world: World;
  beforeEach(async () => {
    harness = await openHarness();
    world = await World.around(harness);
  });
  afterEach(() => world.end());

  const setBack = async (table: string, instant: string) => {
    const later = `${instant} = ${instant} + interval '2 hours'`;
    return (await harness.admin.query(`update ${table} set ${later} where ${instant} is not null`)).rowCount;
  };
  const arrives = (...texts: string[]) => eventually(async () => expect(await world.textsOf('a')).toEqual(texts));

  it('the lease of a relay that is gone holds nobody up', async () => {
    const { transport } = await world.open();
    await world.join({ transport, hasSweep: false });
    expect(await takeLease(harness.producer, 'gone', 2_000)).toBeDefined();
    expect(await takeLease(harness.producer, 'too early', 2_000)).toBeUndefined();
    await setBack('rotation.relay_lease', 'expires_at');
    world.relay(transport);
    await world.say('a', 'first');
    await arrives('first');
  });

  it('a key that was refused is published', async () => {
    const { transport } = await world.open();
    await world.join({ transport, hasSweep: false });
    await world.say('a', 'first');
    await harness.execute(`insert into rotation.relay_backoffs (topic, key, attempts, retry_at, reason)
                                 values ('rotation-events', 'a', 1, now() + interval '20 seconds', 'too hot')`);
    world.relay(transport);
    await world.say('b', 'meanwhile');
    await eventually(async () => expect(await world.textsOf('b')).toEqual(['meanwhile']));
    expect(await world.textsOf('a')).toEqual([]);
    await setBack('rotation.relay_backoffs', 'retry_at');
    await arrives('first');
  });

  it('an event that failed is tried again', async () => {
    const { transport } = await world.open();
    let isBroken = true;
    const behaviour = () => {
      if (isBroken) throw new Error('not yet');
    };
    await world.join({ transport, behaviour, hasSweep: false, declaration: { retryDelaysMs: [300_000] } });
    world.relay(transport);
    await world.say('a', 'first');
    const { consumer } = harness;
    await eventually(async () => expect(await query(consumer, sql`select 1 from parked`)).toHaveLength(1));
    isBroken = false;
    await setBack('notification.parked', 'next_attempt_at');
    await arrives('first');
  });

  it('a delivery that was put off is made', async () => {
    const { transport } = await world.open();
    const seen: string[] = [];
    await transport.subscribe({ name: 'listener', topics: ['rotation-events'] }, async (batch) => {
      const keys = batch.map(({ body }) => (body as { partitionkey: string }).partitionkey);
      seen.push(...keys);
      return keys.map((key) => (key === 'a' && seen.filter((one) => one === 'a').length < 2 ? 'retry' : 'success'));
    });
    await world.say('a', 'first');
    await world.say('b', 'other');
    world.relay(transport);
    // What is put off already, in one statement: it would be made soon without it.
    await eventually(async () => expect(await setBack('delivery.deliveries', 'deliver_after')).toBe(1));
    await eventually(() => expect(seen.filter((key) => key === 'a')).toHaveLength(2));
  });
});
