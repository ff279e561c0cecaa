import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { newId } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import { oldestDeliveries, takeTurn } from '../src/embedded/delivery.repository.js';
import { EmbeddedTransport, type Delivery, type DeliveryAnswer, type Published } from '../src/index.js';
import { openHarness, type EmbeddedHarness } from './harness.js';

const topic = 'rotation-events';

const anEntry = (n: number): Published => ({
  topic,
  key: 'a',
  event: { id: newId(), type: rotationStarted.type, sequence: String(n) } as EventEnvelope,
});
const numbersOf = (deliveries: readonly Delivery[]) =>
  deliveries.map(({ body }) => Number((body as EventEnvelope).sequence));

describe('deliveries in PostgreSQL', () => {
  let harness: EmbeddedHarness;
  let transport: EmbeddedTransport;

  beforeAll(async () => {
    harness = await openHarness();
  });
  afterAll(() => harness.close());
  beforeEach(async () => {
    await harness.execute('truncate delivery.deliveries, delivery.subscriptions');
    transport = new EmbeddedTransport({ ...harness.database.options, logger: harness.logger, pollMs: 60_000 });
  });
  afterEach(() => transport.close());

  const left = async () => (await harness.admin.query('select from delivery.deliveries')).rowCount;

  it('are kept for consumers that are announced and still come up', async () => {
    await transport.keepFor([{ name: 'late', topics: [topic] }]);
    await transport.publish([anEntry(1), anEntry(2)]);
    const seen: number[] = [];
    await transport.subscribe({ name: 'late', topics: [topic] }, async (batch) => {
      seen.push(...numbersOf(batch));
      return batch.map(() => 'success');
    });
    await eventually(() => expect(seen).toEqual([1, 2]));
    await eventually(async () => expect(await left()).toBe(0));
  });

  it('wake a subscription of the same process at once', async () => {
    const seen: number[] = [];
    await transport.subscribe({ name: 'one', topics: [topic] }, async (batch) => {
      seen.push(...numbersOf(batch));
      return batch.map(() => 'success');
    });
    for (const n of [1, 2, 3]) {
      await transport.publish([anEntry(n)]);
      await eventually(() => expect(seen).toHaveLength(n)); // it looks by itself once a minute only
    }
  });

  it('are found without reading all that wait, however many', async () => {
    await harness.execute(
      `insert into delivery.deliveries (consumer, topic, body)
       select 'one', '${topic}', '{}' from generate_series(1, 10000)`,
    );
    const { admin } = harness;
    /** By this session. */
    const rowsRead = async () => {
      const { rows } = await admin.query<{ read: number }>(
        `select (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as read
           from pg_stat_xact_user_tables where schemaname = 'delivery' and relname = 'deliveries'`,
      );
      return rows[0]!.read;
    };
    await admin.query('set search_path = delivery');
    const read: number[] = [];
    for (const statistics of ['none', 'fresh']) {
      if (statistics === 'fresh') await harness.execute('analyze delivery.deliveries');
      const isMine = await takeTurn(admin, 'one');
      const before = await rowsRead();
      const found = isMine ? await oldestDeliveries(admin, 'one', 200) : [];
      read.push((await rowsRead()) - before);
      await admin.query('commit');
      expect(found).toHaveLength(200);
    }
    await admin.query('reset search_path; deallocate "oldest deliveries"');
    for (const rows of read) expect(rows).toBeLessThan(300);
  });

  it('come again in their order after the answer retry, and hold up no other consumer', async () => {
    let isDown = true;
    const batches: number[][] = [];
    const others: number[] = [];
    await transport.subscribe({ name: 'down', topics: [topic] }, async (batch) => {
      batches.push(numbersOf(batch));
      return batch.map((): DeliveryAnswer => (isDown ? 'retry' : 'success'));
    });
    await transport.subscribe({ name: 'up', topics: [topic] }, async (batch) => {
      others.push(...numbersOf(batch));
      return batch.map(() => 'success');
    });
    await transport.publish([1, 2, 3].map(anEntry));
    await eventually(() => expect(others).toEqual([1, 2, 3]));
    await eventually(() => expect(batches.length).toBeGreaterThan(0));
    isDown = false;
    await eventually(async () => expect(await left()).toBe(0));
    for (const batch of batches) expect(batch).toEqual([1, 2, 3]);
  });

  it('are delivered again one by one where only some could be taken', async () => {
    const taken: number[] = [];
    await transport.subscribe({ name: 'one', topics: [topic] }, async (batch) =>
      numbersOf(batch).map((n) => {
        if (n === 2 && !taken.includes(3)) return 'retry';
        taken.push(n);
        return 'success';
      }),
    );
    await transport.publish([1, 2, 3].map(anEntry));
    await eventually(() => expect(taken).toEqual([1, 3]));
    // It waits for a second by itself; the rest is room for a machine that is busy with something else.
    await eventually(() => expect(taken).toEqual([1, 3, 2]), 20_000);
  });
});
