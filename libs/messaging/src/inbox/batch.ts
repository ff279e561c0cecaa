import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import type { EventDefinition } from '@dsops/contracts/define-event';
import type { EmittedEvent } from '../outbox/emitted-event.js';
import type { Alarm } from './alarm.repository.js';
import type { RunContext, RunMode } from './handler-runner.service.js';
import type { Arrival } from './judge.js';

/** What a batch needs to know of its consumer. */
export interface BatchContext extends RunContext {
  readonly declaration: ConsumerDeclaration;
  readonly registry: ReadonlyMap<string, EventDefinition>;
  /** Milliseconds on a monotonic clock. */
  readonly nowMs: () => number;
}

export interface BatchMode extends RunMode {
  /** When the transaction has worked for so long, no further event is begun. */
  readonly budgetMs: number;
}

export interface BatchResult {
  /** Not begun, because time was up: they go into the next transaction. */
  readonly leftover: readonly Arrival[];
  readonly applied: number;
  readonly duplicates: number;
  readonly parked: number;
  readonly letters: number;
  /** What its handlers said. */
  readonly said: readonly EmittedEvent[];
  /** What its handlers want done after the commit. */
  readonly afterwards: readonly (() => void)[];
  readonly freshAlarms: readonly Alarm[];
}

/** The type as the body states it; a body that states none has the empty one. */
export function statedTypeOf(body: string): string {
  const type = (JSON.parse(body) as { type?: unknown } | null)?.type;
  return typeof type === 'string' ? type.replaceAll('\u0000', '\uFFFD') : '';
}
