import kafkajs, { type Consumer } from 'kafkajs';
import { freePort, startDaprd, type DaprdServer } from '@dsops/stack';
import { unwrapSecret } from '@dsops/kernel';
import { KafkaWorld } from '../stack/kafka-world.js';
import { API_TOKEN, APP_TOKEN, type SidecarFiles } from '../stack/sidecar-files.js';
import type { SidecarHome } from './protocol.js';
import type { Breach } from './sight.js';

const { Kafka, logLevel } = kafkajs;

/** An event as the outbox of a service has it, or as it arrived. */
export interface SaidEvent {
  readonly key: string;
  readonly sequence: number;
  readonly id: string;
}

/** A relay that dies leaves a lease of 15 s; then the next one publishes what is left. */
const MOST_MS = 40_000;
const LOOK_EVERY_MS = 100;

/** Kafka and the sidecars of a run, and a listener outside that hears everything that goes through them. */
export class EventListener {
  private readonly heard = new Map<string, SaidEvent[]>();
  private readonly ids = new Set<string>();
  private readonly sidecars: DaprdServer[] = [];

  private constructor(
    private readonly kafka: KafkaWorld,
    private readonly files: SidecarFiles,
    private readonly consumer: Consumer,
  ) {}

  static async start(): Promise<EventListener> {
    const kafka = await KafkaWorld.start();
    const files = await kafka.environment();
    const client = new Kafka({ clientId: 'oracle', brokers: [...kafka.kafka.brokers], logLevel: logLevel.NOTHING });
    const consumer = client.consumer({ groupId: 'oracle' });
    await consumer.connect();
    await consumer.subscribe({ topic: `${files.topicPrefix}rotation-events`, fromBeginning: true });
    const listener = new EventListener(kafka, files, consumer);
    await consumer.run({ eachMessage: async ({ message }) => listener.hear(message.value) });
    return listener;
  }

  /** Starts the sidecar of one lane: the services that follow one another there publish through it. */
  async sidecar(name: string): Promise<SidecarHome> {
    const httpPort = await freePort();
    const { resourcesPath, configPathOf, topicPrefix } = this.files;
    this.sidecars.push(
      await startDaprd({
        tools: this.kafka.tools,
        appId: 'rotation',
        httpPort,
        apiToken: API_TOKEN,
        appToken: APP_TOKEN,
        resourcesPath,
        configPath: configPathOf('rotation'),
        logFile: this.kafka.logFile(name),
        logLevel: 'warn',
      }),
    );
    return { url: `http://127.0.0.1:${httpPort}`, apiToken: unwrapSecret(API_TOKEN), topicPrefix };
  }

  /** Whatever the records say was told must arrive: nothing is missing, nothing is there that was not said, and in order. */
  async judge(said: readonly SaidEvent[]): Promise<Breach[]> {
    const untilMs = performance.now() + MOST_MS;
    while (said.some(({ id }) => !this.ids.has(id)) && performance.now() < untilMs)
      await new Promise((resume) => setTimeout(resume, LOOK_EVERY_MS));
    const keys = new Set(said.map(({ key }) => key));
    return judgeHeard(
      said,
      [...keys].flatMap((key) => this.heard.get(key) ?? []),
    );
  }

  async stop(): Promise<void> {
    await this.consumer.disconnect();
    await Promise.all(this.sidecars.map((sidecar) => sidecar.stop()));
    await this.kafka.stop();
  }

  private hear(value: Buffer | null): void {
    const {
      partitionkey: key,
      sequence,
      id,
    } = JSON.parse(value?.toString() ?? '{}') as { partitionkey: string; sequence: string; id: string };
    this.ids.add(id);
    const ofKey = this.heard.get(key);
    if (ofKey === undefined) this.heard.set(key, [{ key, sequence: Number(sequence), id }]);
    else ofKey.push({ key, sequence: Number(sequence), id });
  }
}

/** @param heard in the order in which it arrived; copies are allowed, because a transport promises at least once */
export function judgeHeard(said: readonly SaidEvent[], heard: readonly SaidEvent[]): Breach[] {
  const places = new Map(said.map(({ key, sequence, id }) => [id, `${key}#${sequence}`]));
  const seen = new Set<string>();
  const last = new Map<string, number>();
  const breaches: Breach[] = [];
  for (const { key, sequence, id } of heard) {
    if (places.get(id) !== `${key}#${sequence}`)
      breaches.push({ invariant: 'events', detail: `${key}#${sequence} arrived and was never said so` });
    if (seen.has(id)) continue;
    seen.add(id);
    if (sequence !== (last.get(key) ?? 0) + 1)
      breaches.push({ invariant: 'events', detail: `${key}#${sequence} arrived behind #${last.get(key) ?? 0}` });
    last.set(key, sequence);
  }
  const lost = said.filter(({ id }) => !seen.has(id)).map(({ key, sequence }) => `${key}#${sequence}`);
  if (lost.length > 0) breaches.push({ invariant: 'events', detail: `never arrived: ${lost.join(', ')}` });
  return breaches;
}
