import type { EventDefinition } from '@dsops/contracts/define-event';
import { strictSchema, type JsonSchema } from './json-schema.js';

/**
 * What is kept of an event's version in `generated/events/<type>.json`: the JSON Schema of its data and, beside it,
 * what may change no more than the schema: where it is said, by whom, and what keeps its order.
 */
export type EventRecord = JsonSchema & { 'x-topic': string; 'x-key': string; 'x-producer': string };

export function recordOf(event: EventDefinition): EventRecord {
  const { type, description, topic, key, producer, example, data } = event;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:${type.replaceAll('.', ':')}`,
    title: type,
    description,
    'x-topic': topic,
    'x-key': key,
    'x-producer': producer,
    ...strictSchema(data),
    examples: [example],
  };
}
