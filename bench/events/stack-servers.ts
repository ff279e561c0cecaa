import { applyTopics } from '@dsops/broker';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TOPIC_PARTITIONS } from '@dsops/contracts/topics';
import { renderDapr, topicList } from '@dsops/contracts-generate';
import { Secret } from '@dsops/kernel';
import { ensureTools, startDaprd, startKafka, type KafkaServer } from '@dsops/stack';
import type { Bench } from '../bench.js';
import { newToken } from '../service-client.js';

/** A Kafka and the sidecars of a bench, from the tools and the files of the product. */
export interface StackServers {
  readonly kafka: KafkaServer;
  readonly apiToken: Secret;
  readonly appToken: string;
  /** Topics of its own, and the files for the sidecars of whoever uses them. */
  environment(topicPrefix: string): Promise<SidecarFolder>;
}

export interface SidecarFolder {
  readonly topicPrefix: string;
  /** Starts a sidecar; it is waited for. */
  sidecar(options: { appId: string; appPort: number; appHealthPath: string; httpPort: number }): Promise<void>;
}

export async function startStackServers(bench: Bench, folder: string): Promise<StackServers> {
  const tools = await ensureTools(['dapr', 'kafka'], { onProgress: ({ step }) => bench.progress(step) });
  bench.progress('Kafka');
  const kafka = await startKafka({ tools, dataDir: join(folder, 'kafka'), logFile: join(folder, 'kafka.log') });
  bench.onEnd(() => kafka.stop());
  const apiToken = new Secret(newToken());
  const appToken = newToken();
  let sidecars = 0;
  return {
    kafka,
    apiToken,
    appToken,
    environment: async (topicPrefix) => {
      const names = topicList().map(({ topic }) => `${topicPrefix}${topic}`);
      await applyTopics(
        kafka,
        names.map((name) => ({ name, partitions: TOPIC_PARTITIONS, retentionMs: 86_400_000 })),
      );
      const place = { kind: 'processes' } as const;
      for (const [path, text] of renderDapr({
        kafka: { brokers: kafka.brokers.join(',') },
        topicPrefix,
        hosting: place,
      })) {
        await mkdir(dirname(join(folder, topicPrefix, path)), { recursive: true });
        await writeFile(join(folder, topicPrefix, path), text);
      }
      return {
        topicPrefix,
        sidecar: async (options) => {
          sidecars += 1;
          const daprd = await startDaprd({
            ...options,
            tools,
            apiToken,
            appToken: new Secret(appToken),
            resourcesPath: join(folder, topicPrefix, 'resources'),
            configPath: join(folder, topicPrefix, 'config', `${options.appId}.yaml`),
            logFile: join(folder, `daprd-${sidecars}.log`),
            logLevel: 'warn',
          });
          bench.onEnd(() => daprd.stop());
        },
      };
    },
  };
}
