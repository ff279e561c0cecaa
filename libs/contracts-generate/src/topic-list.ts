import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import { consumers } from '@dsops/contracts/consumers';
import type { EventDefinition } from '@dsops/contracts/define-event';
import { TOPICS, TOPIC_PARTITIONS, type Topic } from '@dsops/contracts/topics';
import { eventRegistry } from '@dsops/contracts/event-registry';

/** One topic as the generated documents show it: who says what there, and who listens to which of it. */
export interface TopicFlow {
  readonly topic: Topic;
  readonly events: readonly EventDefinition[];
  readonly producers: readonly string[];
  readonly listeners: readonly {
    readonly consumer: ConsumerDeclaration;
    readonly handles: readonly EventDefinition[];
  }[];
}

export const topicFlows = (): TopicFlow[] =>
  TOPICS.map((topic) => {
    const events = [...eventRegistry.values()].filter((event) => event.topic === topic);
    const all: readonly ConsumerDeclaration[] = Object.values(consumers);
    return {
      topic,
      events,
      producers: [...new Set(events.map((event) => event.producer))],
      listeners: all
        .filter((consumer) => consumer.topics.includes(topic))
        .map((consumer) => ({ consumer, handles: consumer.handles.filter((event) => event.topic === topic) })),
    };
  });

/** What somebody needs who provisions the topics. Names get the prefix of their environment, such as `staging-`. */
export const topicList = () =>
  topicFlows().map(({ topic, events, producers, listeners }) => ({
    topic,
    partitions: TOPIC_PARTITIONS,
    producers,
    consumers: listeners.map(({ consumer }) => consumer.name),
    types: events.map((event) => event.type),
  }));
