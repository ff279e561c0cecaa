import type { ConsumerDeclaration } from './consumer-declaration.js';
import type { EventDefinition } from './define-event.js';
import type { Operation } from './define-operation.js';
import type { ServiceDeclaration } from './service-declaration.js';

/** Everything that the services declare, as it is found; each group by the name that it is exported under. */
export interface Declarations {
  readonly services: Readonly<Record<string, ServiceDeclaration>>;
  readonly events: readonly EventDefinition[];
  readonly operations: readonly Operation[];
  readonly consumers: Readonly<Record<string, ConsumerDeclaration>>;
}

/**
 * What does not go together, a sentence each that names it. The types refuse most of it already; what is declared beside
 * them, or without them, is found here, at each start and by `pnpm check`.
 */
export function declarationFaults({ services, events, operations, consumers }: Declarations): string[] {
  const all = Object.values(services);
  const isService = (name: string) => all.some((service) => service.name === name);
  const doors = all.filter(({ door }) => door === 'public').map(({ name }) => name);
  return [
    ...twice(all.map(({ name }) => name)).map((name) => `two services are called ${name}`),
    ...misnamed('service', services),
    ...twice(all.flatMap(({ topics }) => topics)).map((topic) => `two services have the topic ${topic}`),
    ...(doors.length === 1 ? [] : [`one service has the public door, and not ${doors.join(' and ') || 'none'}`]),
    ...events.flatMap(({ type, producer, topic }) => {
      const said = all.find(({ name }) => name === producer);
      if (said === undefined) return [`${type} is said by ${producer}, which is no service`];
      return said.topics.includes(topic) ? [] : [`${type} is on ${topic}, which is no topic of ${producer}`];
    }),
    ...operations
      .filter(({ service }) => !isService(service))
      .map(({ id, service }) => `${id} is an operation of ${service}, which is no service`),
    ...misnamed('consumer', consumers),
    ...Object.values(consumers).flatMap(({ name, service, handles }) => [
      ...(isService(service) ? [] : [`the consumer ${name} belongs to ${service}, which is no service`]),
      ...handles
        .filter((event) => !events.includes(event))
        .map(({ type }) => `the consumer ${name} handles ${type}, which no service says`),
    ]),
  ];
}

const twice = (names: readonly string[]): string[] => [
  ...new Set(names.filter((name, place) => names.indexOf(name) !== place)),
];

const misnamed = (what: string, named: Readonly<Record<string, { readonly name: string }>>): string[] =>
  Object.entries(named)
    .filter(([key, { name }]) => key !== name)
    .map(([key, { name }]) => `the ${what} ${key} is called ${name} where it is declared`);
