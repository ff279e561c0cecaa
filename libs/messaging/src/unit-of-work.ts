import type { EventData, EventDefinition } from '@dsops/contracts/define-event';
import type { SqlExecutor } from '@dsops/database';

/** One event to be said when the transaction commits. */
export interface EventToEmit<D extends EventDefinition = EventDefinition> {
  readonly event: D;
  /** The aggregate that order holds for, as the event's `key` words it. */
  readonly key: string;
  /** The entity it is about, as `<kind>/<id>`: `rotation/01J…`. */
  readonly subject: string;
  readonly data: EventData<D>;
}

/** A transaction with what it will say. */
export interface Unit<Tx extends SqlExecutor = SqlExecutor> {
  readonly tx: Tx;
  /** Takes the event into the outbox when the work is done: last in the transaction, keys in sorted order. */
  emit<D extends EventDefinition>(event: EventToEmit<D>): void;
  /**
   * Does this as soon as the transaction is committed: never when it is rolled back, and once when it had to run again.
   * For hints such as the ring of a bell, which must not come before others can see what it is about. A process that
   * dies in between never does it; its fault is logged and changes nothing for the caller.
   */
  afterCommit(act: () => void): void;
}

/** Runs work in one transaction; its events go with it or not at all. A deadlock or serialization failure runs it again. */
export interface UnitOfWork<Tx extends SqlExecutor = SqlExecutor> {
  run<R>(work: (unit: Unit<Tx>) => Promise<R>): Promise<R>;
}
