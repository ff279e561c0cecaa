import { Loop } from '@dsops/background';
import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import type { EventDefinition } from '@dsops/contracts/define-event';
import type { Database } from '@dsops/database';
import type { Clock, DomainError } from '@dsops/kernel';
import type { Logger } from '@dsops/platform';
import { isRerun } from '../database-error.js';
import type { Letter } from '../letters/letter.repository.js';
import type { Handling } from '../handles.js';
import { doAfterCommit } from '../outbox/collecting-unit.js';
import type { EmittedEvent } from '../outbox/emitted-event.js';
import type { Delivery, DeliveryAnswer } from '../transport.js';
import type { EventToEmit } from '../unit-of-work.js';
import { Batch } from './batch.service.js';
import type { BatchContext, BatchResult } from './batch.js';
import { HandlerTimedOut } from './handler-runner.service.js';
import { dueKeys, retryUnknown } from './inbox.repository.js';
import { judge, type Arrival, type Unreadable } from './judge.js';

export interface ConsumerSettings {
  /** How often it looks for events whose retry is due. */
  readonly duePollMs: number;
  /** A transaction begins no further event after this time; the rest of the batch gets another one. */
  readonly budgetMs: number;
  /** A handler that takes longer has failed. */
  readonly handlerTimeoutMs: number;
}

export const CONSUMER_DEFAULTS: ConsumerSettings = { duePollMs: 500, budgetMs: 5_000, handlerTimeoutMs: 30_000 };

export interface ConsumerParts {
  readonly declaration: ConsumerDeclaration;
  readonly handlers: ReadonlyMap<string, Handling>;
  readonly registry: ReadonlyMap<string, EventDefinition>;
  readonly database: Database;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly prepare: (event: EventToEmit) => EmittedEvent;
  /** A handler's events were committed: the relay has something to do. */
  readonly onSaid: (said: readonly EmittedEvent[]) => void;
  readonly settings?: Partial<ConsumerSettings>;
}

const RERUNS = 8;
const MAX_WAIT_MS = 10_000;
const DUE_KEYS = 50;

/** Everything that a consumer has done since its process started. */
export interface ConsumerCounts {
  applied: number;
  duplicates: number;
  parked: number;
  deadLetters: number;
  alarms: number;
}

/**
 * A consumer at work: takes deliveries from the transport and from the sweep, and tries again what waits. All of them
 * lock cursors first, so any number of processes may do this for the same consumer.
 */
export class Consumer {
  readonly counts: ConsumerCounts = { applied: 0, duplicates: 0, parked: 0, deadLetters: 0, alarms: 0 };
  private readonly settings: ConsumerSettings;
  private readonly context: BatchContext;
  private readonly loop: Loop;
  private hasRetriedUnknown = false;

  constructor(private readonly parts: ConsumerParts) {
    this.settings = { ...CONSUMER_DEFAULTS, ...parts.settings };
    this.context = {
      declaration: parts.declaration,
      consumer: parts.declaration.name,
      handlers: parts.handlers,
      registry: parts.registry,
      prepare: parts.prepare,
      nowMs: () => parts.clock.monotonicMs(),
      handlerTimeoutMs: this.settings.handlerTimeoutMs,
    };
    this.loop = new Loop({
      work: () => this.drainDue(),
      onFault: (error) => parts.logger.warn({ error, consumer: this.name }, 'retries put off'),
    });
  }

  get name(): string {
    return this.parts.declaration.name;
  }

  /** Settles or parks a batch durably. `retry` only when that was not possible: the database is not available. */
  async deliver(batch: readonly Delivery[]): Promise<readonly DeliveryAnswer[]> {
    const arrivals: Arrival[] = [];
    const unreadable: Unreadable[] = [];
    for (const delivery of batch) {
      const judged = judge(delivery, this.context.registry);
      if ('arrival' in judged) arrivals.push(judged.arrival);
      else unreadable.push(judged.unreadable);
    }
    try {
      let rest: readonly Arrival[] = arrivals;
      let bodies: readonly Unreadable[] = unreadable;
      do {
        const [now, alsoNow] = [rest, bodies];
        rest = (await this.transact((work) => work.take(now, alsoNow))).leftover;
        bodies = [];
      } while (rest.length > 0);
      return batch.map(() => 'success');
    } catch (error) {
      this.parts.logger.warn({ error, consumer: this.name, events: batch.length }, 'deliveries put off');
      return batch.map(() => 'retry');
    }
  }

  /** Starts to look for retries that are due. Events that an earlier release did not know are due at once. */
  start(): void {
    this.loop.start();
  }

  async stop(): Promise<void> {
    await this.loop.stop();
  }

  /** Runs work of this consumer in one transaction, with savepoints as soon as something fails. */
  async transact(work: (batch: Batch) => Promise<BatchResult>, startCareful = false): Promise<BatchResult> {
    const timedOut = new Map<string, Error>();
    let isCareful = startCareful;
    for (let reruns = 0; ;) {
      const mode = { isCareful, timedOut, budgetMs: this.settings.budgetMs };
      try {
        const result = await this.parts.database.$transaction((tx) => work(new Batch(tx, this.context, mode)), {
          maxWait: MAX_WAIT_MS,
          timeout: this.settings.budgetMs + 2 * this.settings.handlerTimeoutMs + MAX_WAIT_MS,
        });
        this.tell(result);
        return result;
      } catch (error) {
        if (error instanceof HandlerTimedOut) timedOut.set(error.eventId, error);
        else if (isRerun(error) && reruns < RERUNS) {
          reruns += 1;
          await new Promise((done) => setTimeout(done, Math.random() * 5 * 2 ** reruns));
        } else if (isCareful) throw error;
        else isCareful = true;
      }
    }
  }

  /** Has this body a place in the order of a key? */
  canRead(delivery: Delivery): boolean {
    return 'arrival' in judge(delivery, this.context.registry);
  }

  /**
   * Tries a dead letter again, and counts the attempt when it fails.
   * @throws DomainError `dead_letter_superseded`, `dead_letter_failed_again`, `dead_letter_still_unknown`
   */
  async replay(letter: Letter): Promise<void> {
    let refusal: DomainError | undefined;
    await this.transact(async (batch) => {
      refusal = await batch.replay(letter);
      return batch.finish();
    }, true);
    if (refusal !== undefined) throw refusal;
  }

  /**
   * Gives up a dead letter that blocks its key.
   * @throws DomainError `dead_letter_not_next`
   */
  async drop(letter: Letter, note: string): Promise<void> {
    let refusal: DomainError | undefined;
    await this.transact(async (batch) => {
      refusal = await batch.drop(letter, note);
      return batch.finish();
    }, true);
    if (refusal !== undefined) throw refusal;
  }

  private tell(result: BatchResult): void {
    this.counts.applied += result.applied;
    this.counts.duplicates += result.duplicates;
    this.counts.parked += result.parked;
    this.counts.deadLetters += result.letters;
    this.counts.alarms += result.freshAlarms.length;
    for (const { kind, topic, key, epoch, sequence, id } of result.freshAlarms)
      this.parts.logger.error(
        {
          consumer: this.name,
          alarm: kind,
          topic,
          eventKey: key,
          epoch,
          sequence: String(sequence),
          alarmedEventId: id,
        },
        'event alarm',
      );
    if (result.letters > 0)
      this.parts.logger.error({ consumer: this.name, letters: result.letters }, 'dead letters written');
    if (result.said.length > 0) this.parts.onSaid(result.said);
    if (result.parked > 0) this.loop.ring();
    doAfterCommit(result.afterwards, (error) =>
      this.parts.logger.error({ error, consumer: this.name }, 'what was to be done after a commit failed'),
    );
  }

  /** Tries again what is due. Answers how long to wait before looking for more. */
  private async drainDue(): Promise<number> {
    if (!this.hasRetriedUnknown) await retryUnknown(this.parts.database, this.name);
    this.hasRetriedUnknown = true;
    const keys = await dueKeys(this.parts.database, this.name, DUE_KEYS);
    if (keys.length === 0) return this.settings.duePollMs;
    await this.transact((batch) => batch.drain(keys), true);
    return 0;
  }
}
