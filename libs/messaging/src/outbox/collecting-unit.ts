import type { EventDefinition } from '@dsops/contracts/define-event';
import type { SqlExecutor } from '@dsops/database';
import type { EventToEmit, Unit } from '../unit-of-work.js';
import type { EmittedEvent } from './emitted-event.js';

/** A unit that keeps what it is to say until its work is done, and what is to be done until it is committed. */
export class CollectingUnit<Tx extends SqlExecutor> implements Unit<Tx> {
  readonly emitted: EmittedEvent[] = [];
  readonly afterwards: (() => void)[] = [];

  constructor(
    readonly tx: Tx,
    private readonly prepare: (event: EventToEmit) => EmittedEvent,
  ) {}

  emit<D extends EventDefinition>(event: EventToEmit<D>): void {
    this.emitted.push(this.prepare(event));
  }

  afterCommit(act: () => void): void {
    this.afterwards.push(act);
  }
}

/** Each of them, whatever becomes of the others: what is committed stays committed. */
export function doAfterCommit(acts: readonly (() => void)[], onFault: (error: unknown) => void): void {
  for (const act of acts)
    try {
      act();
    } catch (error) {
      onFault(error);
    }
}
