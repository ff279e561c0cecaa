import type { SqlExecutor } from '@dsops/database';
import { inContext, inSpan, newTraceparent, type SpanToMake } from '@dsops/platform';
import { isRerun, savepoint } from '../database-error.js';
import type { EventHandler } from '../handles.js';
import { CollectingUnit } from '../outbox/collecting-unit.js';
import type { EmittedEvent } from '../outbox/emitted-event.js';
import type { EventToEmit } from '../unit-of-work.js';
import type { Arrival } from './judge.js';

export interface RunContext {
  readonly consumer: string;
  readonly handlers: ReadonlyMap<string, EventHandler>;
  readonly prepare: (event: EventToEmit) => EmittedEvent;
  readonly handlerTimeoutMs: number;
}

export interface RunMode {
  /**
   * Each event has a savepoint of its own: what fails is taken back alone. Without, the first failure ends the
   * transaction, and the batch runs again with care. Nothing fails in most batches, and savepoints cost two round trips
   * per event.
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

export interface Failure {
  readonly error: unknown;
}

const STEP = 'event';

/** Runs handlers within one transaction, each in the context of its event, and collects what they say. */
export class HandlerRunner {
  readonly emitted: EmittedEvent[] = [];

  constructor(
    private readonly tx: SqlExecutor,
    private readonly context: RunContext,
    private readonly mode: RunMode,
  ) {}

  /**
   * Runs the handler of an event, if it has one.
   * @returns why it failed, after a second try in line
   * @throws when the transaction as a whole cannot go on: deadlock, a handler that hangs, any failure without care
   */
  async run(arrival: Arrival): Promise<Failure | undefined> {
    const handler = this.context.handlers.get(arrival.type);
    if (handler === undefined) return undefined; // known, and nobody's business here
    const timedOut = this.mode.timedOut.get(arrival.id);
    if (timedOut !== undefined) return { error: timedOut };
    if (!this.mode.isCareful) {
      await this.call(handler, arrival);
      return undefined;
    }
    const first = await this.attempt(handler, arrival);
    return first === undefined ? undefined : this.attempt(handler, arrival);
  }

  private async attempt(handler: EventHandler, arrival: Arrival): Promise<Failure | undefined> {
    const said = this.emitted.length;
    await savepoint.set(this.tx, STEP);
    try {
      await this.call(handler, arrival);
      await savepoint.release(this.tx, STEP); // fails when the handler has swallowed an error of the database
      return undefined;
    } catch (error) {
      if (isRerun(error) || error instanceof HandlerTimedOut) throw error;
      this.emitted.splice(said);
      await savepoint.rollBackTo(this.tx, STEP); // throws when the database is gone: then the transport delivers again
      return { error };
    }
  }

  private async call(handler: EventHandler, arrival: Arrival): Promise<void> {
    const event = arrival.event!;
    const unit = new CollectingUnit(this.tx, this.context.prepare);
    const traceparent = event.traceparent ?? newTraceparent();
    const span: SpanToMake = {
      name: `process ${event.type}`,
      kind: 'consumer',
      traceparent,
      attributes: { 'messaging.message.id': event.id, 'dsops.consumer': this.context.consumer },
    };
    const work = inContext({ traceparent, eventId: event.id }, () => inSpan(span, async () => handler(event, unit)));
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, refuse) => {
      timer = setTimeout(() => refuse(new HandlerTimedOut(event.id)), this.context.handlerTimeoutMs);
    });
    try {
      await Promise.race([work, timeout]);
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined); // if it was too late, nobody waits for its failure any more
    }
    this.emitted.push(...unit.emitted);
  }
}
