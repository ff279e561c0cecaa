import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import { DomainError } from '@dsops/kernel';
import { consumerNameOf } from './event-consumer.js';
import { handlersOf, type Handling } from './handles.js';

export interface FoundConsumer {
  readonly name: string;
  readonly instance: object;
}

export interface BootedConsumer {
  readonly declaration: ConsumerDeclaration;
  readonly handlers: ReadonlyMap<string, Handling>;
}

/** The consumers that classes with `@EventConsumer` are, before there is an instance of any. */
export const consumersIn = (classes: readonly (new (...args: never[]) => object)[]): FoundConsumer[] =>
  classes.flatMap((one) => {
    const name = consumerNameOf(one);
    return name === undefined ? [] : [{ name, instance: one.prototype as object }];
  });

/**
 * Brings declarations and handlers together. A process in which they differ must not start: it would let pass what it
 * claims to handle, or handle what nobody knows of.
 * @throws DomainError `handlers_differ`, naming every difference
 */
export function matchHandlers(
  declarations: readonly ConsumerDeclaration[],
  found: readonly FoundConsumer[],
): BootedConsumer[] {
  const faults: string[] = [];
  const byName = new Map<string, Map<string, Handling>>();
  for (const { name, instance } of found) {
    const handlers = byName.get(name) ?? new Map<string, Handling>();
    byName.set(name, handlers);
    for (const [type, handler] of handlersOf(instance)) {
      if (handlers.has(type)) faults.push(`${name} has two handlers for ${type}`);
      handlers.set(type, handler);
    }
  }
  for (const name of byName.keys())
    if (!declarations.some((declaration) => declaration.name === name))
      faults.push(`${name} has handlers here but is not declared for this service`);
  const booted = declarations.map((declaration) => {
    const { name } = declaration;
    const handlers = byName.get(name) ?? new Map<string, Handling>();
    const declared = new Set(declaration.handles.map(({ type }) => type));
    for (const type of declared)
      if (!handlers.has(type)) faults.push(`${name} declares ${type} and has no handler for it`);
    for (const type of handlers.keys())
      if (!declared.has(type)) faults.push(`${name} handles ${type}, which it does not declare`);
    for (const { type, topic } of declaration.handles)
      if (!declaration.topics.includes(topic)) faults.push(`${name} declares ${type} and not its topic ${topic}`);
    return { declaration, handlers };
  });
  if (faults.length > 0)
    throw new DomainError('handlers_differ', 'internal', `Handlers and declarations differ: ${faults.join('; ')}.`, {
      remedy: 'Declare in libs/contracts (consumers) exactly what the classes with @EventConsumer handle.',
    });
  return booted;
}
