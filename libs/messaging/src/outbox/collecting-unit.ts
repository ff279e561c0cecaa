import type { EventDefinition } from '@dsops/contracts/define-event';
import type { SqlExecutor } from '@dsops/database';
import type { EventToEmit, Unit } from '../unit-of-work.js';
import type { EmittedEvent } from './emitted-event.js';

/** A unit that keeps what it is to say until its work is done. */
export class CollectingUnit<Tx extends SqlExecutor> implements Unit<Tx> {
  readonly emitted: EmittedEvent[] = [];

  constructor(
    readonly tx: Tx,
    private readonly prepare: (event: EventToEmit) => EmittedEvent,
  ) {}

  emit<D extends EventDefinition>(event: EventToEmit<D>): void {
    this.emitted.push(this.prepare(event));
  }
}
