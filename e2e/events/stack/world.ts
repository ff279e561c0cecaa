import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { unwrapSecret } from '@dsops/kernel';
import { KafkaWorld } from '../../stack/kafka-world.js';
import type { SidecarFiles } from '../../stack/sidecar-files.js';
import { Client } from '../client.js';
import { makeTables } from '../oracle.js';
import type { ServiceProcess } from '../service-process.js';
import { OwnDatabase } from './database.js';
import { Replica } from './replica.js';

/** Both in every replica: the sidecar's batch is taken when both have taken it, and comes again to both otherwise. */
export const CONSUMERS = ['one by one', 'together'];
const PRODUCERS = 3;

/** A broker, our database, three producers with a client in front of them, and any number of replicas of a service with two
 * consumers. */
export class StackWorld {
  readonly producers: Replica[] = [];
  readonly consumers: Replica[] = [];
  readonly client: Client;
  /** Processes that have ended by themselves. Nobody starts them again: it must not happen. */
  readonly crashed: string[] = [];
  private readonly producing: ServiceProcess[] = [];
  private opened = 0;

  private constructor(
    readonly kafka: KafkaWorld,
    readonly database: OwnDatabase,
    private readonly files: SidecarFiles,
    private readonly hasSweep: boolean,
  ) {
    this.client = new Client(this.producing);
  }

  /** @param hasSweep false: what the transport loses is not fetched from the producer */
  static async start({ hasSweep }: { hasSweep: boolean }): Promise<StackWorld> {
    const kafka = await KafkaWorld.start();
    try {
      chmodSync(kafka.folder, 0o711); // as root our database runs under an account of its own
      const database = await OwnDatabase.start(join(kafka.folder, 'database'));
      const world = new StackWorld(kafka, database, await kafka.environment({ isReplicated: true }), hasSweep);
      await makeTables(database.admin);
      return world;
    } catch (error) {
      await kafka.stop();
      throw error;
    }
  }

  get topic(): string {
    return `${this.files.topicPrefix}rotation-events`;
  }

  async startProducers(): Promise<void> {
    for (let nth = 1; nth <= PRODUCERS; nth += 1) {
      const producer = await this.prepare('producer', `producer ${nth}`);
      this.producers.push(producer);
      this.producing.push(producer.child);
      await producer.start();
    }
    this.tellAll();
  }

  /** Starts replicas, or stops the youngest, until there are so many. Resolves with those that are new. */
  async scaleTo(replicas: number): Promise<readonly Replica[]> {
    const fresh: Replica[] = [];
    while (this.consumers.length < replicas) {
      const consumer = await this.prepare('consumer', `consumer ${(this.opened += 1)}`);
      this.consumers.push(consumer);
      fresh.push(consumer);
      await consumer.start();
      this.tellAll();
    }
    while (this.consumers.length > replicas) await this.consumers.pop()!.stop();
    return fresh;
  }

  /** Everybody learns where the producers listen; one that was started again has forgotten it. */
  tellAll(): void {
    const urls = this.producing.map(({ url }) => url).filter((url) => url !== '');
    for (const { child } of [...this.producers, ...this.consumers]) child.tell(urls);
  }

  async stop(): Promise<void> {
    this.client.stop();
    await Promise.all([...this.producers, ...this.consumers].map((replica) => replica.stop().catch(() => undefined)));
    await this.database.stop();
    await this.kafka.stop();
  }

  private prepare(role: 'producer' | 'consumer', name: string): Promise<Replica> {
    const { host, port, database, password } = this.database.options;
    const settings = {
      consumers: CONSUMERS.map((consumer, nth) => ({ name: consumer, takes: nth === 0 ? 'each' : 'together' })),
      hosts: role === 'producer' ? [] : CONSUMERS,
      // Few connections each: there may be fifteen processes on one small machine.
      database: { host, port, database, password: unwrapSecret(password), poolSize: role === 'producer' ? 10 : 5 },
      // Everything as in production, but for the sweep that may be asked not to help.
      messaging: this.hasSweep ? {} : { sweep: { everyMs: NEVER_MS, fullEveryMs: NEVER_MS } },
    };
    const onCrash = () => void this.crashed.push(name);
    const listeners = { ...(role === 'producer' ? this.client.listeners : {}), onCrash };
    return Replica.prepare({ name, role, settings, kafka: this.kafka, files: this.files, listeners });
  }
}

const NEVER_MS = 86_400_000;
