import { applyTopics } from '@dsops/broker';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TOPIC_PARTITIONS } from '@dsops/contracts/topics';
import { topicList } from '@dsops/contracts-generate';
import { ensureTools, startKafka, type KafkaServer, type Tools } from '@dsops/stack';
import { writeSidecarFiles, type SidecarFiles } from './sidecar-files.js';

/** A Kafka for a whole spec file, and its folder: data, logs and the files of sidecars. */
export class KafkaWorld {
  private environments = 0;

  private constructor(
    readonly tools: Pick<Tools, 'dapr' | 'kafka'>,
    public kafka: KafkaServer,
    readonly folder: string,
  ) {}

  static async start(): Promise<KafkaWorld> {
    const tools = await ensureTools(['dapr', 'kafka']);
    const folder = await mkdtemp(join(tmpdir(), 'dsops-stack-'));
    return new KafkaWorld(tools, await startKafkaIn(folder, tools), folder);
  }

  /** An environment for one case: topics of its own, made unless it says otherwise, and the files for its sidecars. */
  async environment({ hasTopics = true, isReplicated = false } = {}): Promise<SidecarFiles> {
    this.environments += 1;
    const topicPrefix = `case-${this.environments}-`;
    if (hasTopics) await this.makeTopics(topicPrefix);
    return writeSidecarFiles(join(this.folder, topicPrefix), {
      brokers: this.kafka.brokers,
      topicPrefix,
      isReplicated,
    });
  }

  async makeTopics(topicPrefix: string): Promise<void> {
    const names = topicList().map(({ topic }) => `${topicPrefix}${topic}`);
    const topics = names.map((name) => ({ name, partitions: TOPIC_PARTITIONS, retentionMs: 3_600_000 }));
    await applyTopics(this.kafka, topics);
  }

  logFile(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  /** Kafka dies, and comes back on the same port with what it had. */
  async restartKafka(meanwhile: () => Promise<void>): Promise<void> {
    await this.kafka.kill();
    await meanwhile();
    this.kafka = await startKafkaIn(this.folder, this.tools, this.kafka.port);
  }

  async stop(): Promise<void> {
    await this.kafka.stop();
    if (process.env.DSOPS_TEST_KEEP === undefined) await rm(this.folder, { recursive: true, force: true });
  }
}

const startKafkaIn = (folder: string, tools: Pick<Tools, 'kafka'>, port?: number): Promise<KafkaServer> =>
  startKafka({
    tools,
    dataDir: join(folder, 'kafka'),
    logFile: join(folder, 'kafka.log'),
    ...(port === undefined ? {} : { port }),
  });
