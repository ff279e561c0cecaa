import type { EventDefinition } from '@dsops/contracts/define-event';
import { eventRegistry } from '@dsops/contracts/event-registry';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { systemClock } from '@dsops/kernel';
import type { Delivery } from '../src/index.js';
import type { Handling } from '../src/handles.js';
import { Consumer, type ConsumerSettings } from '../src/inbox/consumer.service.js';
import { preparingFor } from '../src/outbox/unit-of-work.service.js';
import { openHarness, type EmbeddedHarness } from './harness.js';

export const topic = 'rotation-events';

/** `key:sequence`, with the epoch when it is not the first. */
export const placeOf = ({ partitionkey, epoch, sequence }: EventEnvelope): string =>
  `${partitionkey}${epoch === 1 ? '' : `/${epoch}`}:${sequence}`;

export const delivered = (...events: unknown[]): Delivery[] => events.map((body) => ({ topic, body }));

interface ConsumerUnderTest {
  readonly handles: readonly EventDefinition[];
  readonly handlers: ReadonlyMap<string, Handling>;
  readonly settings?: Partial<ConsumerSettings>;
}

/**
 * Consumers without a transport, handed their batches by the test, and what these left behind in the database. Handlers
 * have a table `effects` with a column `at`.
 */
export class ConsumerHarness {
  private running: Consumer[] = [];
  private constructor(readonly base: EmbeddedHarness) {}

  static async open(): Promise<ConsumerHarness> {
    const base = await openHarness();
    await base.execute(`create table notification.effects (nth bigint generated always as identity, at text not null);
                        grant select, insert, update on notification.effects to dsops_notification`);
    return new ConsumerHarness(base);
  }

  /** One dead letter blocks its key, and a second attempt comes after a minute. */
  consumer({ handles, handlers, settings }: ConsumerUnderTest): Consumer {
    const consumer = new Consumer({
      declaration: {
        name: 'listener',
        service: 'notification',
        topics: [topic],
        handles,
        retryDelaysMs: [60_000],
        deadLetter: 'blocks',
        isOrderFree: false,
      },
      handlers,
      registry: eventRegistry,
      database: this.base.consumer,
      logger: this.base.logger,
      clock: systemClock,
      prepare: preparingFor('notification', systemClock),
      onSaid: () => undefined,
      settings: { duePollMs: 20, ...settings },
    });
    this.running.push(consumer);
    return consumer;
  }

  async rows(query: string): Promise<Record<string, unknown>[]> {
    return (await this.base.admin.query<Record<string, unknown>>(query)).rows;
  }

  effects(): Promise<string[]> {
    return this.column('select at from notification.effects order by nth');
  }

  /** As `key:sequence state`. */
  waiting(): Promise<string[]> {
    return this.column(
      `select key || ':' || sequence || ' ' || state as at from notification.parked order by key, sequence`,
    );
  }

  /** As `key:sequence`. */
  cursors(): Promise<string[]> {
    return this.column(`select key || ':' || sequence as at from notification.consumer_cursors order by key`);
  }

  /** Stops the consumers and forgets what they did. */
  async clear(): Promise<void> {
    for (const consumer of this.running.splice(0)) await consumer.stop();
    await this.base
      .execute(`truncate notification.effects, notification.consumer_cursors, notification.processed_events,
      notification.parked, notification.dead_letters, notification.event_alarms, notification.outbox, notification.sequence_counters`);
  }

  close(): Promise<void> {
    return this.base.close();
  }

  private async column(query: string): Promise<string[]> {
    return (await this.rows(query)).map(({ at }) => String(at));
  }
}
