import type { Topic } from '@dsops/contracts/topics';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import type { Dependency } from '@dsops/platform';

/** An event on its way: the topic stands beside the envelope, because an unknown type tells no topic. */
export interface Published {
  readonly topic: Topic;
  /** The key that order holds for; the transport keeps it within one partition. */
  readonly key: string;
  readonly event: EventEnvelope;
}

/** What arrives. The body has passed no check yet: a transport may deliver anything, any number of times, in any order. */
export interface Delivery {
  readonly topic: string;
  readonly body: unknown;
}

/** `success`: committed, or durably parked. `retry`: the consumer's database is not available; deliver again later. */
export type DeliveryAnswer = 'success' | 'retry';

/** What waits for a consumer, and for how long the oldest of it, in seconds. */
export interface Waiting {
  readonly consumer: string;
  readonly amount: number;
  readonly oldestS: number;
}

export interface Subscription {
  /** Takes no new batch, waits for the one at work, and resolves. */
  stop(): Promise<void>;
}

/**
 * Carries events from the relay of a producer to the consumers. It promises at least once and nothing else: sequence
 * numbers and cursors make order, uniqueness and completeness out of that. Every transport passes the conformance suite.
 */
export interface Transport {
  /**
   * Publishes in the order given. Answers the ids that were not accepted; everything else is durably the transport's.
   * @throws when nothing of the batch was accepted or nothing is known about it.
   */
  publish(batch: readonly Published[]): Promise<{ refused: { id: string; reason: string }[] }>;

  /** Calls `deliver` with batches for this consumer until stopped. The answers stand in the order of the batch. */
  subscribe(
    consumer: { readonly name: string; readonly topics: readonly Topic[] },
    deliver: (batch: readonly Delivery[]) => Promise<readonly DeliveryAnswer[]>,
  ): Promise<Subscription>;

  /** What waits for consumers here. Absent where the broker keeps that to itself. */
  backlog?(): Promise<readonly Waiting[]>;

  /** Rejects while events can neither be published nor arrive. Absent where only the database stands between them. */
  check?(): Promise<void>;
}

/** A transport as a dependency of its service, for readiness. */
export const transportDependency = (transport: Transport): readonly Dependency[] =>
  transport.check === undefined ? [] : [{ name: 'transport', check: () => transport.check!() }];
