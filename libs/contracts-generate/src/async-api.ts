import { API_VERSION } from '@dsops/contracts/api';
import type { EventDefinition } from '@dsops/contracts/define-event';
import { eventRegistry } from '@dsops/contracts/event-registry';
import { envelopeSchema } from '@dsops/contracts/envelope';
import { strictSchema } from './json-schema.js';
import { topicFlows, type TopicFlow } from './topic-list.js';

const ref = (...path: string[]) => ({ $ref: `#/${path.map((part) => part.replaceAll('/', '~1')).join('/')}` });
const entriesOf = <T, V>(list: readonly T[], entry: (item: T) => [string, V]): Record<string, V> =>
  Object.fromEntries(list.map(entry));

/** A whole event as it travels, for the reader of the document. Ids are those of the examples, times are fixed. */
export const exampleEnvelope = (event: EventDefinition) => ({
  specversion: '1.0',
  id: '01JD00000000000000000000ZZ',
  source: `/dsops/${event.producer}`,
  type: event.type,
  subject: '01JD0000000000000000000002',
  time: '2026-11-21T14:30:00.000Z',
  datacontenttype: 'application/json',
  partitionkey: '01JD0000000000000000000002',
  sequence: '1',
  epoch: 1,
  data: event.example,
});

const message = (event: EventDefinition) => ({
  name: event.type,
  title: event.type,
  summary: event.description,
  contentType: 'application/cloudevents+json',
  payload: {
    allOf: [
      ref('components', 'schemas', 'envelope'),
      {
        type: 'object',
        properties: { type: { const: event.type }, data: ref('components', 'schemas', event.type) },
        required: ['data'],
      },
    ],
  },
  examples: [{ payload: exampleEnvelope(event) }],
});

const channel = ({ topic, events }: TopicFlow) => ({
  address: topic,
  description: `Order holds per key. Key: ${[...new Set(events.map((event) => event.key))].join('; or ')}.`,
  messages: entriesOf(events, (event) => [event.type, ref('components', 'messages', event.type)]),
});

const messagesOn = (topic: string, events: readonly EventDefinition[]) =>
  events.map((event) => ref('channels', topic, 'messages', event.type));

function operationsOn({ topic, producers, events, listeners }: TopicFlow): [string, unknown][] {
  const said = producers.map((producer): [string, unknown] => [
    `${producer}-says-${topic}`,
    {
      action: 'send',
      channel: ref('channels', topic),
      summary: `The service ${producer} says these through its outbox.`,
      messages: messagesOn(
        topic,
        events.filter((event) => event.producer === producer),
      ),
    },
  ]);
  const heard = listeners.map(({ consumer, handles }): [string, unknown] => [
    `${consumer.name}-hears-${topic}`,
    {
      action: 'receive',
      channel: ref('channels', topic),
      summary: `The consumer ${consumer.name} of the service ${consumer.service} handles these; others only move its cursor.`,
      messages: messagesOn(topic, handles),
    },
  ]);
  return [...said, ...heard];
}

/** AsyncAPI 3.0 of the whole product: each topic a channel, each event a message, who sends and who receives. */
export function asyncApiDocument(): Record<string, unknown> {
  const events = [...eventRegistry.values()];
  const flows = topicFlows();
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'dsops events',
      version: String(API_VERSION),
      description:
        'CloudEvents 1.0 with a gapless sequence per topic and key. A type never changes its topic, key or meaning; a change that would break a reader is a new version of the type.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/cloudevents+json',
    channels: entriesOf(flows, (flow) => [flow.topic, channel(flow)]),
    operations: Object.fromEntries(flows.flatMap(operationsOn)),
    components: {
      messages: entriesOf(events, (event) => [event.type, message(event)]),
      schemas: {
        envelope: strictSchema(envelopeSchema, 'draft-7'),
        ...entriesOf(events, (event) => [event.type, strictSchema(event.data, 'draft-7')]),
      },
    },
  };
}
