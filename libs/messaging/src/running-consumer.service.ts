import { Stop } from '@dsops/background';
import type { EventDefinition } from '@dsops/contracts/define-event';
import type { ServiceName } from '@dsops/contracts/service-names';
import { ProducerClient } from './completeness/producer-client.service.js';
import { register, type StartsFrom } from './completeness/registration.service.js';
import { Sweep, type SweepSettings } from './completeness/sweep.service.js';
import type { Invoker } from '@dsops/platform';
import { Consumer, type ConsumerParts } from './inbox/consumer.service.js';
import type { Subscription, Transport } from './transport.js';

export interface RunningConsumerParts extends ConsumerParts {
  readonly transport: Transport;
  readonly invoker: Invoker | undefined;
  readonly startsFrom: StartsFrom;
  readonly sweep?: Partial<SweepSettings>;
}

const TRY_AGAIN_MS = 1_000;

/**
 * A consumer with its subscription and its sweep. It registers, subscribes and begins to sweep in the background, and
 * keeps trying while a producer or the transport does not answer.
 */
export class RunningConsumer {
  readonly consumer: Consumer;
  private readonly ending = new Stop();
  private sweep: Sweep | undefined;
  private subscription: Subscription | undefined;
  private starting: Promise<void> | undefined;

  constructor(private readonly parts: RunningConsumerParts) {
    this.consumer = new Consumer(parts);
  }

  /** Begins to connect; resolves after the first attempt, whatever came of it. Further attempts go on behind. */
  async start(): Promise<void> {
    const tried = Promise.withResolvers<void>();
    this.starting ??= this.connect(tried.resolve);
    await Promise.race([tried.promise, this.starting]);
  }

  /** Resolves when it listens; rejects never. */
  async started(): Promise<void> {
    await this.starting;
  }

  /** Finishes the batches at work and stops. */
  async stop(): Promise<void> {
    this.ending.ask();
    await this.starting;
    await this.subscription?.stop();
    await this.sweep?.stop();
    await this.consumer.stop();
  }

  private async connect(onTried: () => void): Promise<void> {
    const { declaration, database, transport, logger, clock, registry, startsFrom } = this.parts;
    const client = this.parts.invoker && new ProducerClient(this.parts.invoker);
    const { name, topics } = declaration;
    const producers = producersOf(registry, topics);
    if (client === undefined) logger.warn({ consumer: name }, 'consumer runs without a sweep');
    while (!this.ending.isAsked) {
      try {
        await register(database, client, { consumer: name, topics, producers, startsFrom });
        this.subscription = await transport.subscribe({ name, topics }, (batch) => this.consumer.deliver(batch));
        this.consumer.start();
        this.sweep =
          client &&
          new Sweep({
            declaration,
            producers,
            client,
            database,
            consumer: this.consumer,
            logger,
            clock,
            settings: this.parts.sweep ?? {},
          });
        this.sweep?.start();
        return;
      } catch (error) {
        logger.warn({ error, consumer: name }, 'consumer not started yet');
        onTried();
        await this.ending.pause(TRY_AGAIN_MS);
      }
    }
  }
}

/** The services whose events are on these topics. */
const producersOf = (registry: ReadonlyMap<string, EventDefinition>, topics: readonly string[]): ServiceName[] => [
  ...new Set([...registry.values()].filter(({ topic }) => topics.includes(topic)).map(({ producer }) => producer)),
];
