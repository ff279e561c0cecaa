import type { Topic } from '@dsops/contracts/topics';
import { DomainError } from '@dsops/kernel';
import { requireSidecarVersion, Sidecar, sidecarFault, type Logger, type SidecarOptions } from '@dsops/platform';
import type { Delivery, DeliveryAnswer, Published, Subscription, Transport } from '../transport.js';
import { bulkBodyOf, chunksOf, readBulkAnswer, type BulkOutcome, type Outgoing } from './bulk-publish.js';

export interface DaprTransportOptions extends SidecarOptions {
  readonly logger: Logger;
  /** Name of the pub/sub component; `pubsub` unless said. */
  readonly pubsub?: string;
  /** What stands before each topic in this environment, such as `staging-`; nothing unless said. */
  readonly topicPrefix?: string;
  /** How long a publishing may take; 10 s unless said, which is less than the lease of a relay. */
  readonly timeoutMs?: number;
  /** Bytes of a request to the sidecar, about; 2 MiB unless said. daprd takes 4 MiB unless told otherwise. */
  readonly maxRequestBytes?: number;
}

type Deliver = (batch: readonly Delivery[]) => Promise<readonly DeliveryAnswer[]>;
interface Refused {
  readonly id: string;
  readonly reason: string;
}
interface Listening {
  readonly deliver: Deliver;
  readonly atWork: Set<Promise<unknown>>;
}

const EARLIER_REFUSED = 'An earlier event of its key was refused.';

/**
 * The transport of the distributed way of running: bulk publish with the key as partition key, and a bulk subscription
 * that daprd posts to `/events/<topic>` (DaprInboundModule), both over HTTP with our own sidecar. It promises at least
 * once: whatever is not known to have gone well is published, or asked for, again.
 *
 * Events travel as raw payload, so the record in the broker is the CloudEvent as the outbox has it. Without that, daprd
 * adds attributes of its own to each copy, and on the other side it drops or chokes on what it cannot read.
 */
export class DaprTransport implements Transport {
  private readonly sidecar: Sidecar;
  private readonly path: string;
  private readonly logger: Logger;
  private readonly timeoutMs: number;
  private readonly maxRequestBytes: number;
  private readonly expected = new Map<string, ReadonlySet<string>>();
  private readonly listening = new Map<string, Listening>();
  /** Why the last publishing failed as a whole; undefined when it did not. The broker shows itself in no other way. */
  private unpublishedBecause: string | undefined;
  private isNewEnough = false;

  constructor(options: DaprTransportOptions) {
    this.sidecar = new Sidecar(options);
    this.path = `/v1.0/publish/bulk/${options.pubsub ?? 'pubsub'}/${options.topicPrefix ?? ''}`;
    this.logger = options.logger;
    this.timeoutMs = options.timeoutMs ?? 10_000;
    this.maxRequestBytes = options.maxRequestBytes ?? 2 * 1024 * 1024;
  }

  /** Topics go side by side, each in the order given; the first request without a clear answer ends its topic. */
  async publish(batch: readonly Published[]): Promise<{ refused: Refused[] }> {
    if (batch.length === 0) return { refused: [] };
    const byTopic = [...Map.groupBy(batch, ({ topic }) => topic)];
    const refused = (await Promise.all(byTopic.map(([topic, entries]) => this.publishTopic(topic, entries)))).flat();
    this.unpublishedBecause = refused.length === batch.length ? refused[0]!.reason : undefined;
    if (refused.length === batch.length)
      throw new DomainError('publishing_failed', 'unavailable', `Nothing was published: ${refused[0]!.reason}`, {
        remedy: 'See whether the broker is up and the sidecar may publish to the topic.',
      });
    return { refused };
  }

  private async publishTopic(topic: Topic, entries: readonly Published[]): Promise<Refused[]> {
    const refused: Refused[] = [];
    const stoppedKeys = new Set<string>();
    let failure: string | undefined;
    for (const chunk of chunksOf(entries, this.maxRequestBytes)) {
      const isFree = ({ published }: Outgoing) => failure === undefined && !stoppedKeys.has(published.key);
      const free = chunk.filter(isFree);
      for (const { published } of chunk.filter((entry) => !isFree(entry)))
        refused.push({ id: published.event.id, reason: failure ?? EARLIER_REFUSED });
      if (free.length === 0) continue;
      const outcome = await this.send(topic, bulkBodyOf(free), free.length);
      if (outcome.kind === 'unknown') failure = outcome.reason;
      free.forEach(({ published: { key, event } }, place) => {
        const reason = outcome.kind === 'unknown' ? outcome.reason : outcome.refused.get(place);
        if (reason === undefined) return;
        stoppedKeys.add(key);
        refused.push({ id: event.id, reason });
      });
    }
    return refused;
  }

  private async send(topic: Topic, body: string, count: number): Promise<BulkOutcome> {
    try {
      const answer = await this.sidecar.ask({
        method: 'POST',
        path: `${this.path}${topic}?metadata.rawPayload=true`,
        headers: { 'content-type': 'application/json' },
        body,
        timeoutMs: this.timeoutMs,
      });
      return readBulkAnswer(answer, count);
    } catch (error) {
      return { kind: 'unknown', reason: (error as Error).message };
    }
  }

  /** Is the sidecar up and new enough, and did the last publishing reach the broker? https://docs.dapr.io/reference/api/health_api/ */
  async check(): Promise<void> {
    const answer = await this.sidecar.ask({ method: 'GET', path: '/v1.0/healthz/outbound', timeoutMs: 2_000 });
    if (answer.status === 204 && !this.isNewEnough) {
      await requireSidecarVersion(this.sidecar);
      this.isNewEnough = true;
    }
    if (answer.status === 204 && this.unpublishedBecause === undefined) return;
    const reason = this.unpublishedBecause ?? sidecarFault(answer) ?? `status ${answer.status}`;
    throw new DomainError('transport_unavailable', 'unavailable', `Events do not get through: ${reason}`, {
      remedy: 'See whether daprd and the broker run.',
    });
  }

  /**
   * Names the consumers of this process before they subscribe. A process without all of its consumers takes no events of
   * their topics: what one of them had not seen would never come to it again.
   */
  keepFor(consumers: readonly { readonly name: string; readonly topics: readonly Topic[] }[]): void {
    for (const { name, topics } of consumers) this.expected.set(name, new Set(topics));
  }

  /** From here on the consumer is waited for: while it has stopped, its topics are answered `retry`. */
  async subscribe(
    consumer: { readonly name: string; readonly topics: readonly Topic[] },
    deliver: Deliver,
  ): Promise<Subscription> {
    const { name } = consumer;
    if (this.listening.has(name)) throw new TypeError(`${name} has subscribed twice in one process`);
    this.keepFor([consumer]);
    const listening: Listening = { deliver, atWork: new Set() };
    this.listening.set(name, listening);
    return {
      stop: async () => {
        if (this.listening.get(name) === listening) this.listening.delete(name);
        await Promise.allSettled([...listening.atWork]);
      },
    };
  }

  /** Do all consumers of this process listen? What daprd may ask before it delivers. */
  get isListening(): boolean {
    return this.expected.size > 0 && [...this.expected.keys()].every((name) => this.listening.has(name));
  }

  /**
   * Hands what has arrived on a topic to every consumer of it. An answer is `success` when all of them say so, `retry`
   * as long as one does not, or is not there yet, or the topic has nobody at all.
   */
  async receive(topic: string, bodies: readonly unknown[]): Promise<readonly DeliveryAnswer[]> {
    const names = [...this.expected].filter(([, topics]) => topics.has(topic)).map(([name]) => name);
    const consumers = names.map((name) => this.listening.get(name));
    if (consumers.length === 0 || consumers.includes(undefined)) {
      this.logger.debug(
        { topic, consumers: names, events: bodies.length },
        'events put off: not every consumer of their topic listens yet',
      );
      return bodies.map(() => 'retry');
    }
    const batch = bodies.map((body) => ({ topic, body }));
    const answers = await Promise.all(consumers.map((consumer) => this.deliverTo(consumer!, batch)));
    return batch.map((_, nth) => (answers.every((ofConsumer) => ofConsumer[nth] === 'success') ? 'success' : 'retry'));
  }

  private async deliverTo(
    { deliver, atWork }: Listening,
    batch: readonly Delivery[],
  ): Promise<readonly DeliveryAnswer[]> {
    const working = deliver(batch);
    atWork.add(working);
    try {
      return await working;
    } catch (error) {
      this.logger.error({ error, topic: batch[0]?.topic, events: batch.length }, 'a consumer failed as a whole');
      return [];
    } finally {
      atWork.delete(working);
    }
  }
}
