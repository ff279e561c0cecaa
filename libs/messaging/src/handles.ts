import type { EventData, EventDefinition, EventEnvelope } from '@dsops/contracts';
import type { SqlExecutor } from '@dsops/database';
import type { Unit } from './unit-of-work.js';

/** What a handler gets: the checked event, and the transaction in which the consumer's cursor moves. */
export type EventHandler<D extends EventDefinition = EventDefinition, Tx extends SqlExecutor = SqlExecutor> = (
  event: EventEnvelope<EventData<D>>,
  unit: Unit<Tx>,
) => Promise<void>;

const HANDLES = Symbol('dsops handles');

interface Declared {
  readonly events: readonly EventDefinition[];
  readonly method: string;
}

/**
 * Marks a method as handler of these events. It works on its own service's schema only, through `unit.tx`; work on the
 * outside is a row that a worker executes later. The method's signature is {@link EventHandler}.
 */
export const Handles =
  (...events: readonly EventDefinition[]) =>
  (target: object, method: string | symbol): void => {
    const declared = (Reflect.get(target, HANDLES) as Declared[] | undefined) ?? [];
    Reflect.set(target, HANDLES, [...declared, { events, method: String(method) }]);
  };

/** The handlers of an object whose methods carry {@link Handles}, by event type. Two for one type are an error. */
export function handlersOf(object: object): Map<string, EventHandler> {
  const found = new Map<string, EventHandler>();
  for (const { events, method } of (Reflect.get(object, HANDLES) as Declared[] | undefined) ?? [])
    for (const { type } of events) {
      if (found.has(type)) throw new TypeError(`${type} has two handlers in ${object.constructor.name}`);
      const handler = (object as Record<string, unknown>)[method] as EventHandler;
      found.set(type, handler.bind(object));
    }
  return found;
}
