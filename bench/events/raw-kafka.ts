import kafkajs, { type Producer } from 'kafkajs';
import type { Bench } from '../bench.js';
import type { DrawKey } from './keys.js';
import { Arrivals, BATCH, rawEvent, type StackContender } from './stack-contender.js';
import type { StackServers } from './stack-servers.js';

/** kafkajs alone: a producer that waits for all copies, and a consumer that only counts. */
export class RawKafka implements StackContender {
  readonly name = 'kafkajs';

  private constructor(
    private readonly producer: Producer,
    private readonly topic: string,
    private readonly arrivals: Arrivals,
    private readonly draw: DrawKey,
  ) {}

  static async start(bench: Bench, servers: StackServers, draw: DrawKey): Promise<RawKafka> {
    const { topicPrefix } = await servers.environment('kafkajs-');
    const topic = `${topicPrefix}rotation-events`;
    const kafka = new kafkajs.Kafka({
      clientId: 'bench',
      brokers: [...servers.kafka.brokers],
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const producer = kafka.producer();
    const consumer = kafka.consumer({ groupId: 'bench' });
    const arrivals = new Arrivals();
    await producer.connect();
    bench.onEnd(() => producer.disconnect());
    await consumer.connect();
    bench.onEnd(() => consumer.disconnect());
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachBatch: async ({ batch }) => arrivals.add(batch.messages.length) });
    return new RawKafka(producer, topic, arrivals, draw);
  }

  async run(count: number): Promise<number> {
    const startedMs = performance.now();
    const arrived = this.arrivals.expect(count);
    for (let nth = 0; nth < count; nth += BATCH) {
      const messages = Array.from({ length: Math.min(BATCH, count - nth) }, (_, place) => {
        const key = this.draw(Math.random());
        return { key, value: JSON.stringify(rawEvent(key, nth + place)) };
      });
      await this.producer.send({ topic: this.topic, acks: -1, messages });
    }
    await arrived;
    return performance.now() - startedMs;
  }

  async problems(): Promise<readonly string[]> {
    return [];
  }
}
