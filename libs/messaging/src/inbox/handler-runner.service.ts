import type { EventEnvelope } from '@dsops/contracts/envelope';
import type { SqlExecutor } from '@dsops/database';
import { inContext, newTraceparent, openSpan } from '@dsops/platform';
import { isRerun, savepoint } from '../database-error.js';
import type { Handling, TogetherHandler } from '../handles.js';
import { CollectingUnit } from '../outbox/collecting-unit.js';
import type { EmittedEvent } from '../outbox/emitted-event.js';
import type { EventToEmit } from '../unit-of-work.js';
import type { Arrival } from './judge.js';

export interface RunContext {
  readonly consumer: string;
  readonly handlers: ReadonlyMap<string, Handling>;
  readonly prepare: (event: EventToEmit) => EmittedEvent;
  readonly handlerTimeoutMs: number;
}

export interface RunMode {
  /**
   * Each event has a savepoint of its own: what fails is taken back alone. Without, the first failure ends the
   * transaction, and the batch runs again with care. Nothing fails in most batches, and savepoints cost two round trips
   * per event. Without care, a handler that takes events together gets them together.
   */
  readonly isCareful: boolean;
  /** Events whose handler did not come back in an earlier run of this batch, by id: they count as failed. */
  readonly timedOut: ReadonlyMap<string, Error>;
}

/** A handler did not come back in time; its transaction cannot be used any more. */
export class HandlerTimedOut extends Error {
  override readonly name = 'HandlerTimedOut';
  constructor(readonly eventId: string) {
    super('The handler did not come back in time.');
  }
}

export interface HandlerFailure {
  readonly error: unknown;
}

const STEP = 'event';

/** Runs handlers within one transaction, each in the context of its event, and collects what they say. */
export class HandlerRunner {
  readonly emitted: EmittedEvent[] = [];
  /** What handlers want done once the transaction is committed. */
  readonly afterwards: (() => void)[] = [];
  /** Events whose turn it was, and who takes them together. */
  private gathered: { readonly handle: TogetherHandler; readonly arrivals: Arrival[] } | undefined;

  constructor(
    private readonly tx: SqlExecutor,
    private readonly context: RunContext,
    private readonly mode: RunMode,
  ) {}

  /**
   * Runs the handler of an event, if it has one, or keeps the event for {@link flush}.
   * @returns why it failed, after a second try in line
   * @throws when the transaction as a whole cannot go on: deadlock, a handler that hangs, any failure without care
   */
  async run(arrival: Arrival): Promise<HandlerFailure | undefined> {
    const handling = this.context.handlers.get(arrival.type);
    if (handling === undefined) return undefined; // known, and nobody's business here
    const timedOut = this.mode.timedOut.get(arrival.id);
    if (timedOut !== undefined) return { error: timedOut };
    if (this.mode.isCareful) return (await this.attempt(handling, arrival)) && this.attempt(handling, arrival);
    // One handler's work may rest on another's for the event before it.
    if (handling.handle !== this.gathered?.handle) await this.flush();
    if (handling.kind === 'each') await this.call(handling, [arrival]);
    else if (this.gathered === undefined) this.gathered = { handle: handling.handle, arrivals: [arrival] };
    else this.gathered.arrivals.push(arrival);
    return undefined;
  }

  /**
   * Hands over what has been kept.
   * @throws any failure
   */
  async flush(): Promise<void> {
    if (this.gathered === undefined) return;
    const { handle, arrivals } = this.gathered;
    this.gathered = undefined;
    await this.call({ kind: 'together', handle }, arrivals);
  }

  private async attempt(handling: Handling, arrival: Arrival): Promise<HandlerFailure | undefined> {
    const [said, wanted] = [this.emitted.length, this.afterwards.length];
    await savepoint.set(this.tx, STEP);
    try {
      await this.call(handling, [arrival]);
      await savepoint.release(this.tx, STEP); // fails when the handler has swallowed an error of the database
      return undefined;
    } catch (error) {
      if (isRerun(error) || error instanceof HandlerTimedOut) throw error;
      this.emitted.splice(said);
      this.afterwards.splice(wanted);
      await savepoint.rollBackTo(this.tx, STEP); // throws when the database is gone: then the transport delivers again
      return { error };
    }
  }

  private async call({ kind, handle }: Handling, arrivals: readonly Arrival[]): Promise<void> {
    const unit = new CollectingUnit(this.tx, this.context.prepare);
    const events = arrivals.map(({ event }) => event!);
    const spans = events.map(({ id, type, traceparent = newTraceparent() }) =>
      openSpan({
        name: `process ${type}`,
        kind: 'consumer',
        traceparent,
        attributes: { 'messaging.message.id': id, 'dsops.consumer': this.context.consumer },
      }),
    );
    const [first] = events as [EventEnvelope];
    const context = { traceparent: spans[0]!.traceparent, ...(events.length === 1 ? { eventId: first.id } : {}) };
    const work = inContext(context, async () => (kind === 'each' ? handle(first, unit) : handle(events, this.tx)));
    let outcome = {};
    try {
      await this.inTime(work, events);
    } catch (error) {
      outcome = { error };
      throw error;
    } finally {
      for (const span of spans) span.end(outcome);
    }
    this.emitted.push(...unit.emitted);
    this.afterwards.push(...unit.afterwards);
  }

  private async inTime(work: Promise<void>, events: readonly EventEnvelope[]): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, refuse) => {
      // Of several nobody knows which one it was: they come again one by one.
      const error =
        events.length === 1 ? new HandlerTimedOut(events[0]!.id) : new Error('Handlers did not come back in time.');
      timer = setTimeout(() => refuse(error), this.context.handlerTimeoutMs);
    });
    try {
      await Promise.race([work, timeout]);
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined); // if it was too late, nobody waits for its failure any more
    }
  }
}
