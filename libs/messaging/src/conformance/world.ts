import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import type { EventDefinition } from '@dsops/contracts/define-event';
import { eventRegistry } from '@dsops/contracts/event-registry';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { type Database, execute, query, sql } from '@dsops/database';
import { newId, systemClock } from '@dsops/kernel';
import type { Logger } from '@dsops/platform';
import type { StartsFrom } from '../completeness/registration.service.js';
import type { EventHandler } from '../handles.js';
import type { ConsumerSettings } from '../inbox/consumer.service.js';
import { PrismaUnitOfWork, preparingFor } from '../outbox/unit-of-work.service.js';
import { Relay } from '../outbox/relay.service.js';
import { RunningConsumer } from '../running-consumer.service.js';
import type { Transport } from '../transport.js';
import { DirectInvoker } from './direct-invoker.js';

/** A transport as one process has it. */
export interface OpenTransport {
  readonly transport: Transport;
  close(): Promise<void>;
  /** The process ends without a word: whatever it was delivering is unfinished. */
  kill(): Promise<void>;
}

/** What a transport's own spec brings. A harness serves one case; its databases are empty and migrated. */
export interface ConformanceHarness {
  /** Prisma clients of the services `rotation` (produces) and `notification` (consumes). */
  readonly producer: Database;
  readonly consumer: Database;
  /** Runs a statement as the owner of everything. */
  execute(statement: string): Promise<void>;
  /** Each call stands for another process that shares the transport. */
  openTransport(): Promise<OpenTransport>;
  readonly logger: Logger;
  close(): Promise<void>;
}

/** What a case lets a handler do beside writing its effect. `text` is what the event was said with. */
export type Behaviour = (event: { text: string; id: string; key: string; sequence: number }) => Promise<void> | void;

export interface MemberOptions {
  readonly name?: string;
  readonly transport: Transport;
  readonly behaviour?: Behaviour;
  readonly declaration?: Partial<ConsumerDeclaration>;
  readonly startsFrom?: StartsFrom;
  readonly settings?: Partial<ConsumerSettings>;
  readonly registry?: ReadonlyMap<string, EventDefinition>;
  /** Without a sweep, only the transport brings events. */
  readonly hasSweep?: boolean;
}

export interface AppliedEvent {
  readonly key: string;
  readonly sequence: number;
  readonly text: string;
}

/** Quick settings: what takes seconds in production takes milliseconds in a test. */
const QUICK = { duePollMs: 20, budgetMs: 2_000, handlerTimeoutMs: 5_000 };
const QUICK_SWEEP = { everyMs: 60, fullEveryMs: 3_600_000 };

/** A producer and its consumers around a transport, with what a case asks of them. */
export class World {
  private readonly unitOfWork: PrismaUnitOfWork;
  private relays: Relay[] = [];
  private members: RunningConsumer[] = [];
  private readonly opened: OpenTransport[] = [];

  private constructor(readonly harness: ConformanceHarness) {
    this.unitOfWork = new PrismaUnitOfWork(harness.producer, 'rotation', systemClock, {
      onCommit: () => {
        for (const relay of this.relays) relay.poke();
      },
    });
  }

  static async around(harness: ConformanceHarness): Promise<World> {
    await harness.execute(`create table notification.effects (
      nth bigint generated always as identity, consumer text not null, key text not null, sequence bigint not null,
      event_id text not null, text text not null);
      grant select, insert on notification.effects to dsops_notification`);
    return new World(harness);
  }

  async open(): Promise<OpenTransport> {
    const opened = await this.harness.openTransport();
    this.opened.push(opened);
    return opened;
  }

  /** Says one event per text, each in a transaction of its own. */
  async say(key: string, ...texts: string[]): Promise<void> {
    for (const text of texts)
      await this.unitOfWork.run(async (unit) => {
        const data = { ...rotationStarted.example, serviceId: newId(), reason: text };
        unit.emit({ event: rotationStarted, key, subject: `rotation/${newId()}`, data });
      });
  }

  relay(transport: Transport, service: 'rotation' | 'notification' = 'rotation'): Relay {
    const { producer, consumer, logger } = this.harness;
    const settings = { pollMs: 20, leaseMs: 2_000 };
    const database = service === 'rotation' ? producer : consumer;
    const relay = new Relay({ service, database, transport, logger, settings, consumersOf: () => [] });
    this.relays.push(relay);
    relay.start();
    return relay;
  }

  async join(options: MemberOptions): Promise<RunningConsumer> {
    const { consumer: database, producer, logger } = this.harness;
    const name = options.name ?? 'listener';
    const declaration: ConsumerDeclaration = {
      name,
      service: 'notification',
      topics: ['rotation-events'],
      handles: [rotationStarted],
      retryDelaysMs: [20, 20],
      deadLetter: 'blocks',
      isOrderFree: false,
      ...options.declaration,
    };
    const member = new RunningConsumer({
      declaration,
      handlers: new Map([[rotationStarted.type, { kind: 'each', handle: handlerOf(name, options.behaviour) }]]),
      registry: options.registry ?? eventRegistry,
      database,
      logger,
      clock: systemClock,
      prepare: preparingFor('notification', systemClock),
      onSaid: () => undefined,
      settings: { ...QUICK, ...options.settings },
      transport: options.transport,
      invoker: options.hasSweep === false ? undefined : new DirectInvoker({ rotation: producer }),
      startsFrom: options.startsFrom ?? 'beginning',
      sweep: QUICK_SWEEP,
    });
    this.members.push(member);
    await member.start();
    await member.started();
    return member;
  }

  /** What a consumer's handlers have done, in the order of their commits' work. */
  async effects(name = 'listener'): Promise<AppliedEvent[]> {
    const rows = await query<{ key: string; sequence: bigint; text: string }>(
      this.harness.consumer,
      sql`select key, sequence, text from effects where consumer = ${name} order by nth`,
    );
    return rows.map(({ key, sequence, text }) => ({ key, sequence: Number(sequence), text }));
  }

  /** The texts that one key's handlers have seen, in order. */
  async textsOf(key: string, name = 'listener'): Promise<string[]> {
    return (await this.effects(name)).filter((effect) => effect.key === key).map(({ text }) => text);
  }

  /** The names of cases run one after the other; everything they started ends here. */
  async end(): Promise<void> {
    for (const member of this.members) await member.stop();
    for (const relay of this.relays) await relay.stop();
    for (const { close } of this.opened) await close();
    await this.harness.close();
  }
}

/** Writes the effect first and then behaves: what throws afterwards must take the effect back. */
const handlerOf = (name: string, behaviour: Behaviour | undefined): EventHandler => {
  return async (event: EventEnvelope, unit) => {
    const { reason = '' } = event.data as { reason?: string };
    const sequence = Number(event.sequence);
    await execute(
      unit.tx,
      sql`insert into effects (consumer, key, sequence, event_id, text)
        values (${name}, ${event.partitionkey}, ${sequence}, ${event.id}, ${reason})`,
    );
    await behaviour?.({ text: reason, id: event.id, key: event.partitionkey, sequence });
  };
};
