import type pg from 'pg';
import { Loop } from '@dsops/background';
import type { Topic } from '@dsops/contracts/topics';
import { loginOf, openPool, type DatabaseOptions } from '@dsops/database';
import type { Logger } from '@dsops/platform';
import type { Delivery, DeliveryAnswer, Published, Subscription, Transport, Waiting } from '../transport.js';
import {
  deferDeliveries,
  oldestDeliveries,
  removeDeliveries,
  RETRY_AFTER_MS,
  subscribeTo,
  takeTurn,
  waitingDeliveries,
  writeDeliveries,
  type DeliveryRow,
} from './delivery.repository.js';

export interface EmbeddedTransportOptions extends DatabaseOptions {
  readonly logger: Logger;
  /** How often a subscription looks when nothing in this process wakes it; 500 ms unless said. */
  readonly pollMs?: number;
  /** Events per batch at most; 200 unless said. */
  readonly batchSize?: number;
  /** How its connections name themselves to the server. */
  readonly name?: string;
}

/**
 * The transport of the embedded way of running: rows in a schema of its own, one per event and consumer. Any number of
 * processes may share it; within one process a publishing wakes the subscriptions at once.
 */
export class EmbeddedTransport implements Transport {
  private readonly pool: pg.Pool;
  /** The loops that deliver what is published on a topic. */
  private readonly loops = new Map<string, Set<Loop>>();
  private readonly open = new Set<Subscription>();
  private readonly pollMs: number;
  private readonly batchSize: number;
  private readonly logger: Logger;

  constructor(options: EmbeddedTransportOptions) {
    this.pollMs = options.pollMs ?? 500;
    this.batchSize = options.batchSize ?? 200;
    this.logger = options.logger;
    this.pool = openPool(
      {
        ...loginOf('delivery', options),
        max: options.poolSize ?? 20, // each subscription holds one while its handlers run; relays need one now and then
        application_name: options.name ?? 'dsops delivery',
      },
      (error) => this.logger.warn({ error }, 'idle connection of the transport lost'),
    );
  }

  /**
   * Keeps deliveries for these consumers from now on, before they subscribe. Called once before the services start, so
   * that on a first start no consumer misses what another service says while it still comes up.
   */
  async keepFor(consumers: readonly { readonly name: string; readonly topics: readonly Topic[] }[]): Promise<void> {
    for (const { name, topics } of consumers) await subscribeTo(this.pool, name, topics);
  }

  async publish(batch: readonly Published[]): Promise<{ refused: { id: string; reason: string }[] }> {
    await writeDeliveries(this.pool, batch);
    for (const topic of new Set(batch.map((entry) => entry.topic)))
      for (const loop of this.loops.get(topic) ?? []) loop.ring();
    return { refused: [] };
  }

  async subscribe(
    consumer: { readonly name: string; readonly topics: readonly Topic[] },
    deliver: (batch: readonly Delivery[]) => Promise<readonly DeliveryAnswer[]>,
  ): Promise<Subscription> {
    await subscribeTo(this.pool, consumer.name, consumer.topics);
    const loop = new Loop({
      work: () => this.deliverBatch(consumer.name, deliver),
      onFault: (error) => this.logger.warn({ error, consumer: consumer.name }, 'delivery put off'),
      backOff: { firstMs: RETRY_AFTER_MS, longestMs: RETRY_AFTER_MS },
    });
    for (const topic of consumer.topics) {
      const ofTopic = this.loops.get(topic) ?? new Set();
      this.loops.set(topic, ofTopic.add(loop));
    }
    loop.start();
    const subscription = {
      stop: async () => {
        await loop.stop();
        for (const ofTopic of this.loops.values()) ofTopic.delete(loop);
        this.open.delete(subscription);
      },
    };
    this.open.add(subscription);
    return subscription;
  }

  backlog(): Promise<Waiting[]> {
    return waitingDeliveries(this.pool);
  }

  /** Stops what is still subscribed and closes the connections. */
  async close(): Promise<void> {
    await Promise.all([...this.open].map((subscription) => subscription.stop()));
    await this.pool.end();
  }

  /** One batch in one transaction. Answers how long to pause, 0 when there may be more. */
  private async deliverBatch(
    consumer: string,
    deliver: (batch: readonly Delivery[]) => Promise<readonly DeliveryAnswer[]>,
  ): Promise<number> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    const onError = (error: Error) => (broken = error);
    client.on('error', onError);
    try {
      const isMine = await takeTurn(client, consumer);
      const rows = isMine ? await oldestDeliveries(client, consumer, this.batchSize) : [];
      const answers = rows.length === 0 ? [] : await deliver(rows);
      const answered = (answer: DeliveryAnswer) => positionsOf(rows, answers, answer);
      await removeDeliveries(client, consumer, answered('success'));
      // Without any success the consumer's database is not there: everything waits, in its order.
      if (answers.includes('success')) await deferDeliveries(client, consumer, answered('retry'));
      await client.query('commit');
      if (answers.includes('retry')) return Math.min(RETRY_AFTER_MS, this.pollMs);
      return rows.length === this.batchSize ? 0 : this.pollMs;
    } catch (error) {
      broken = error as Error;
      throw error;
    } finally {
      client.removeListener('error', onError);
      client.release(broken); // a connection with an unfinished transaction is closed, which ends its turn
    }
  }
}

const positionsOf = (
  rows: readonly DeliveryRow[],
  answers: readonly DeliveryAnswer[],
  answer: DeliveryAnswer,
): string[] => rows.filter((_, nth) => answers[nth] === answer).map(({ position }) => position);
