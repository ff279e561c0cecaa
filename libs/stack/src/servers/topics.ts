import kafkajs, { type Admin, type KafkaJSError as KafkaError } from 'kafkajs';
import { DomainError, unwrapSecret } from '@dsops/kernel';
import type { KafkaAddress } from './kafka.js';

// A CommonJS package whose names Node does not see from outside.
const { Kafka, KafkaJSError, logLevel } = kafkajs;

export interface TopicSpec {
  /** With the prefix of its environment, such as `staging-credential`. */
  readonly name: string;
  readonly partitions: number;
  readonly retentionMs: number;
}

/**
 * Makes the topics that are missing; one that is there stays as it is. One copy of each partition, as one broker has.
 * @returns the names of those that were made
 * @throws DomainError `topic_partitions`: a topic is there with another number of partitions, by which a key's order
 *   would be lost; `kafka_unreachable`
 */
export async function createTopics(kafka: KafkaAddress, topics: readonly TopicSpec[]): Promise<string[]> {
  return withAdmin(kafka, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter(({ name }) => !existing.has(name));
    const present = topics.filter(({ name }) => existing.has(name));
    if (present.length > 0) {
      const found = await admin.fetchTopicMetadata({ topics: present.map(({ name }) => name) });
      for (const { name, partitions } of found.topics)
        assertPartitions(present.find((topic) => topic.name === name), partitions.length); // prettier-ignore
    }
    if (missing.length === 0) return [];
    await admin.createTopics({
      waitForLeaders: false,
      topics: missing.map(({ name, partitions, retentionMs }) => ({
        topic: name,
        numPartitions: partitions,
        replicationFactor: 1,
        configEntries: [{ name: 'retention.ms', value: String(retentionMs) }],
      })),
    });
    const made = missing.map(({ name }) => name);
    await untilLed(admin, made);
    return made;
  });
}

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

function assertPartitions(wanted: TopicSpec | undefined, found: number): void {
  if (wanted === undefined || wanted.partitions === found) return;
  throw new DomainError('topic_partitions', 'conflict', `Topic ${wanted.name} has ${found} partitions; ${wanted.partitions} are wanted.`, { remedy: 'The order of a key lives in its partition, so the number never changes. Make a topic of another name, or empty this environment.' }); // prettier-ignore
}

async function withAdmin<R>(kafka: KafkaAddress, work: (admin: Admin) => Promise<R>): Promise<R> {
  const admin = new Kafka({
    clientId: 'dsops',
    brokers: [...kafka.brokers],
    logLevel: logLevel.NOTHING,
    retry: { retries: 5 },
    ...(kafka.caCertificate === undefined ? {} : { ssl: { ca: [kafka.caCertificate] } }),
    ...(kafka.sasl === undefined
      ? {}
      : { sasl: { mechanism: 'scram-sha-256', username: kafka.sasl.username, password: unwrapSecret(kafka.sasl.password) } }), // prettier-ignore
  }).admin();
  try {
    await admin.connect();
    return await work(admin);
  } catch (error) {
    throw error instanceof KafkaJSError ? unreachable(kafka, error) : error;
  } finally {
    // Its connections poll every millisecond while they are idle.
    await admin.disconnect().catch(() => undefined);
  }
}

function unreachable(kafka: KafkaAddress, cause: KafkaError): DomainError {
  const brokers = kafka.brokers.join(', ');
  if (/SASL|authenticat/i.test(`${cause.name} ${cause.message}`))
    return new DomainError('kafka_login_refused', 'unavailable', `Kafka at ${brokers} refused the login.`, { remedy: 'Look at its user name and password.' }, { cause }); // prettier-ignore
  return new DomainError('kafka_unreachable', 'unavailable', `Kafka at ${brokers} did not do what it was asked.`, { remedy: 'See whether it runs, and what its log says.' }, { cause }); // prettier-ignore
}
