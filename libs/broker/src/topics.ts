import kafkajs, { type Admin } from 'kafkajs';
import { DomainError } from '@dsops/kernel';
import { withAdmin, type KafkaAddress } from './admin.js';
import { planTopics, type TopicSpec, type TopicStep } from './topic-plan.js';

const { ConfigResourceTypes } = kafkajs;

/** What would happen to these topics; changes nothing. */
export const diffTopics = (kafka: KafkaAddress, wanted: readonly TopicSpec[]): Promise<TopicStep[]> =>
  withAdmin(kafka, async (admin) => planTopics(wanted, await readTopics(admin, wanted)));

/**
 * Makes the topics that are missing and sets how long records stay. All or nothing is decided before anything is done.
 * @param replicas copies of each partition, for topics that are made
 * @throws DomainError `topic_partitions`: a topic has another number of partitions; `kafka_unreachable`
 */
export async function applyTopics(
  kafka: KafkaAddress,
  wanted: readonly TopicSpec[],
  { replicas = 1 }: { readonly replicas?: number } = {},
): Promise<TopicStep[]> {
  return withAdmin(kafka, async (admin) => {
    const steps = planTopics(wanted, await readTopics(admin, wanted));
    for (const step of steps) assertPossible(step);
    await makeTopics(admin, steps, replicas);
    for (const step of steps) if (step.change === 'retention') await setRetention(admin, step.name, step.toMs);
    return steps;
  });
}

async function readTopics(admin: Admin, wanted: readonly TopicSpec[]): Promise<TopicSpec[]> {
  const existing = new Set(await admin.listTopics());
  const names = wanted.map(({ name }) => name).filter((name) => existing.has(name));
  if (names.length === 0) return [];
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({ type: ConfigResourceTypes.TOPIC, name, configNames: ['retention.ms'] })),
  });
  return topics.map(({ name, partitions }) => {
    const settings = resources.find(({ resourceName }) => resourceName === name)?.configEntries ?? [];
    const retention = settings.find(({ configName }) => configName === 'retention.ms')?.configValue;
    return { name, partitions: partitions.length, retentionMs: Number(retention) };
  });
}

function assertPossible(step: TopicStep): void {
  if (step.change !== 'conflict') return;
  throw new DomainError(
    'topic_partitions',
    'conflict',
    `Topic ${step.name} has ${step.found} partitions; ${step.wanted} are wanted.`,
    {
      remedy:
        'The order of a key lives in its partition, so the number never changes. Make a topic of another name, or empty this environment.',
    },
  );
}

async function makeTopics(admin: Admin, steps: readonly TopicStep[], replicas: number): Promise<void> {
  const missing = steps.filter((step) => step.change === 'make');
  if (missing.length === 0) return;
  await admin.createTopics({
    waitForLeaders: false,
    topics: missing.map(({ name, partitions, retentionMs }) => ({
      topic: name,
      numPartitions: partitions,
      replicationFactor: replicas,
      configEntries: [{ name: 'retention.ms', value: String(retentionMs) }],
    })),
  });
  await untilLed(
    admin,
    missing.map(({ name }) => name),
  );
}

/** Kafka replaces all settings of a topic at once (AlterConfigs, KIP-133), so those that somebody made go along. */
async function setRetention(admin: Admin, name: string, retentionMs: number): Promise<void> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name }],
  });
  const own = (resources[0]?.configEntries ?? []).filter(({ isDefault, configSource, configName }) => {
    const isTopics = configSource === undefined ? !isDefault : Number(configSource) === TOPIC_CONFIG;
    return isTopics && configName !== 'retention.ms';
  });
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: ConfigResourceTypes.TOPIC,
        name,
        configEntries: [
          ...own.map(({ configName, configValue }) => ({ name: configName, value: configValue })),
          { name: 'retention.ms', value: String(retentionMs) },
        ],
      },
    ],
  });
}

/** Source of a setting that was made for the topic itself: DYNAMIC_TOPIC_CONFIG. */
const TOPIC_CONFIG = 1;
const LED_WITHIN_MS = 30_000;

/**
 * Waits until every partition has a leader. A broker that is busy does not know a topic yet that it has just made, and
 * says so with an error that kafkajs, asked to wait itself, gives up at.
 */
async function untilLed(admin: Admin, topics: string[]): Promise<void> {
  const deadline = performance.now() + LED_WITHIN_MS;
  for (;;) {
    try {
      const { topics: found } = await admin.fetchTopicMetadata({ topics });
      if (found.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))) return;
    } catch (error) {
      const { type } = error as { type?: string };
      if (type !== 'UNKNOWN_TOPIC_OR_PARTITION' && type !== 'LEADER_NOT_AVAILABLE') throw error;
      if (performance.now() > deadline) throw error;
    }
    if (performance.now() > deadline) return; // clients wait for a leader themselves
    await new Promise((done) => setTimeout(done, 100));
  }
}
