import type { EventData, EventDefinition } from '@dsops/contracts/define-event';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import type { SqlExecutor } from '@dsops/database';
import type { Unit } from './unit-of-work.js';

/** What a handler gets: the checked event, and the transaction in which the consumer's cursor moves. */
export type EventHandler<D extends EventDefinition = EventDefinition, Tx extends SqlExecutor = SqlExecutor> = (
  event: EventEnvelope<EventData<D>>,
  unit: Unit<Tx>,
) => Promise<void>;

/**
 * What a handler of several events at once gets: as many as there are in a batch, those of one key in their order, and
 * the transaction in which the consumer's cursors move. It cannot say events: they would have no single cause.
 */
export type TogetherHandler<D extends EventDefinition = EventDefinition, Tx extends SqlExecutor = SqlExecutor> = (
  events: readonly EventEnvelope<EventData<D>>[],
  tx: Tx,
) => Promise<void>;

export type Handling =
  | { readonly kind: 'each'; readonly handle: EventHandler }
  | { readonly kind: 'together'; readonly handle: TogetherHandler };

const HANDLES = Symbol('dsops handles');

interface Declared {
  readonly events: readonly EventDefinition[];
  readonly method: string;
  readonly kind: Handling['kind'];
}

const declare =
  (kind: Handling['kind'], events: readonly EventDefinition[]) =>
  (target: object, method: string | symbol): void => {
    const declared = (Reflect.get(target, HANDLES) as Declared[] | undefined) ?? [];
    Reflect.set(target, HANDLES, [...declared, { events, method: String(method), kind }]);
  };

/**
 * Marks a method as handler of these events. It works on its own service's schema only, through `unit.tx`; work on the
 * outside is a row that a worker executes later. The method's signature is {@link EventHandler}.
 */
export const Handles = (...events: readonly EventDefinition[]) => declare('each', events);

/**
 * Marks a method as handler of these events that takes many at once, for work that costs one statement however many
 * there are. When it fails they come again one by one, so that only what is to blame waits. The method's signature is
 * {@link TogetherHandler}; everything else is as with {@link Handles}.
 */
export const HandlesTogether = (...events: readonly EventDefinition[]) => declare('together', events);

/** The handlers of an object whose methods carry {@link Handles} or {@link HandlesTogether}, by event type. Two for one type are an error. */
export function handlersOf(object: object): Map<string, Handling> {
  const found = new Map<string, Handling>();
  for (const { events, method, kind } of (Reflect.get(object, HANDLES) as Declared[] | undefined) ?? [])
    for (const { type } of events) {
      if (found.has(type)) throw new TypeError(`${type} has two handlers in ${object.constructor.name}`);
      const handle = ((object as Record<string, unknown>)[method] as EventHandler & TogetherHandler).bind(object);
      found.set(type, { kind, handle });
    }
  return found;
}
