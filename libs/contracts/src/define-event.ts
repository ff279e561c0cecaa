import { z } from 'zod';
import { actorSchema } from './principal.js';
import type { RetryPolicy } from './retry-policy.js';
import type { ServiceName } from './service-names.js';
import type { Topic } from './topics.js';

export interface EventDefinition<Data extends z.ZodType = z.ZodType> {
  /** `dsops.<context>.<thing>.<happened>.v<N>` */
  readonly type: string;
  readonly topic: Topic;
  /** The service whose outbox says it. */
  readonly producer: ServiceName;
  /** In words, what the key is: order holds per key and nowhere else. */
  readonly key: string;
  readonly data: Data;
  readonly description: string;
  readonly example: z.output<Data>;
  /** What follows when it cannot be handled; what the consumer has for all types unless said. */
  readonly retries?: RetryPolicy | undefined;
}
export type EventData<D extends EventDefinition> = z.output<D['data']>;

const TYPE = /^dsops\.[a-z_]+\.[a-z_]+\.[a-z_]+\.v[1-9]\d*$/;
const defined = new Map<string, EventDefinition>();

/**
 * The single source of an event: its TypeScript type, JSON Schema, AsyncAPI channel and the drawing of the event flow
 * all come from here. `fields` holds ids and the facts a consumer needs; never a secret, never an entity.
 */
export function defineEvent<Shape extends z.ZodRawShape>(definition: {
  type: string;
  topic: Topic;
  producer: ServiceName;
  key: string;
  fields: Shape;
  description: string;
  example: z.output<z.ZodObject<Shape & { actor: typeof actorSchema }, z.core.$strict>>;
  retries?: RetryPolicy;
}) {
  const { fields, ...rest } = definition;
  if (!TYPE.test(rest.type)) throw new TypeError(`${rest.type} is not dsops.<context>.<thing>.<happened>.v<N>`);
  if (defined.has(rest.type)) throw new TypeError(`${rest.type} is defined twice`);
  const data = z.strictObject({ ...fields, actor: actorSchema });
  const event = { ...rest, data };
  defined.set(rest.type, event);
  return event;
}

/** What has been defined so far; `event-registry.ts` has it complete. */
export const definedEvents: ReadonlyMap<string, EventDefinition> = defined;
