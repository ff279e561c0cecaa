import {
  Inject,
  Injectable,
  Optional,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import { consumers as allConsumers } from '@dsops/contracts/consumers';
import type { ServiceName } from '@dsops/contracts/service-names';
import { eventRegistry } from '@dsops/contracts/event-registry';
import type { Database } from '@dsops/database';
import { systemClock, type Clock, type Secret } from '@dsops/kernel';
import { Metrics } from '@dsops/platform';
import { registerMessagingMetrics } from './messaging-metrics.js';
import type { EmittedEvent } from './outbox/emitted-event.js';
import { matchHandlers, type BootedConsumer, type FoundConsumer } from './boot-check.js';
import { consumerNameOf } from './event-consumer.js';
import { readFigures, type MessagingFigures } from './figures.repository.js';
import type { Consumer } from './inbox/consumer.service.js';
import type { MessagingOptions } from './messaging.options.js';
import { Relay } from './outbox/relay.service.js';
import { PrismaUnitOfWork, preparingFor } from './outbox/unit-of-work.service.js';
import { RunningConsumer } from './running-consumer.service.js';

/** An event that this service has said, as its contract has it. */
export interface SaidEvent {
  readonly type: string;
  readonly data: unknown;
}

export const MESSAGING_OPTIONS = Symbol('MessagingOptions');

/** The messaging of one service: its relay, its consumers, and their lifetime. */
@Injectable()
export class MessagingRuntime implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly service: ServiceName;
  readonly database: Database;
  readonly unitOfWork: PrismaUnitOfWork;
  private readonly relay: Relay;
  private readonly clock: Clock;
  private readonly declarations: readonly ConsumerDeclaration[];
  private running: readonly RunningConsumer[] = [];
  private readonly listeners: ((event: SaidEvent) => void)[] = [];

  constructor(
    @Inject(MESSAGING_OPTIONS) private readonly options: MessagingOptions,
    private readonly discovery: DiscoveryService,
    @Optional() metrics?: Metrics,
  ) {
    const { service, database, transport, logger } = options;
    this.service = service;
    this.database = database;
    this.clock = options.clock ?? systemClock;
    this.declarations = options.declarations ?? Object.values(allConsumers);
    this.relay = new Relay({
      service,
      database,
      transport,
      logger,
      settings: options.relay ?? {},
      consumersOf: (topic) =>
        this.declarations.filter(({ topics }) => topics.some((one) => one === topic)).map(({ name }) => name),
    });
    this.unitOfWork = new PrismaUnitOfWork(database, service, this.clock, {
      onCommit: (said) => this.committed(said),
      onFault: (error) => logger.error({ error }, 'what was to be done after a commit failed'),
    });
    if (metrics !== undefined) {
      registerMessagingMetrics(
        metrics,
        () => this.figures(),
        () => this.consumers,
      );
      const said = metrics.counter('dsops_events_said_total', 'Events committed to the outbox', ['type']);
      this.onSaid(({ type }) => said.inc({ type }));
    }
  }

  /** Calls the listener with each event of this service after its commit, in this process. For figures only: a crash skips it. */
  onSaid(listener: (event: SaidEvent) => void): void {
    this.listeners.push(listener);
  }

  private committed(said: readonly EmittedEvent[]): void {
    this.relay.poke();
    for (const { type, data } of said)
      for (const listener of this.listeners) listener({ type, data: JSON.parse(data) });
  }

  /** The consumers of this service, from the application's start on. */
  get consumers(): readonly Consumer[] {
    return this.running.map(({ consumer }) => consumer);
  }

  /** How this service's messaging stands, for metrics. */
  figures(): Promise<MessagingFigures> {
    return readFigures(this.database);
  }

  /** What callers of the internal routes must show, where the service's port does not ask for it already. */
  get internalToken(): Secret | undefined {
    return this.options.internalToken;
  }

  /**
   * Checks handlers against declarations before anything runs. A service is up when its consumers listen, unless they
   * need others for that: then they connect in the background.
   */
  async onApplicationBootstrap(): Promise<void> {
    const own = this.declarations.filter(({ service }) => service === this.service);
    const booted = matchHandlers(own, this.findConsumers());
    this.relay.start();
    this.running = booted.map((one) => this.runningConsumer(one));
    await Promise.all(this.running.map((consumer) => consumer.start()));
  }

  /** Consumers finish their batches, then the relay publishes what is left. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.running.map((consumer) => consumer.stop()));
    await this.relay.stop();
  }

  private findConsumers(): FoundConsumer[] {
    return this.discovery.getProviders().flatMap(({ metatype, instance }) => {
      if (typeof metatype !== 'function' || typeof instance !== 'object' || instance === null) return [];
      const name = consumerNameOf(metatype);
      return name === undefined ? [] : [{ name, instance: instance as object }];
    });
  }

  private runningConsumer({ declaration, handlers }: BootedConsumer): RunningConsumer {
    const { transport, invoker, logger, register, registry, consumer, sweep } = this.options;
    return new RunningConsumer({
      declaration,
      handlers,
      registry: registry ?? eventRegistry,
      database: this.database,
      logger,
      clock: this.clock,
      prepare: preparingFor(this.service, this.clock),
      onSaid: (said) => this.committed(said),
      settings: consumer ?? {},
      transport,
      invoker,
      startsFrom: register?.[declaration.name] ?? 'beginning',
      sweep: sweep ?? {},
    });
  }
}
