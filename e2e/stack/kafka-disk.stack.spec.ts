import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { applyTopics } from '@dsops/broker';
import { TOPIC_PARTITIONS } from '@dsops/contracts/topics';
import { topicList } from '@dsops/contracts-generate';
import { anEvent } from '@dsops/messaging/conformance';
import { createLogger } from '@dsops/platform';
import { ensureTools, freePort, startKafka, type KafkaServer, type ServerExit, type Tools } from '@dsops/stack';
import { eventually } from '@dsops/testing';
import { startSidecarApp, type SidecarApp } from './sidecar-app.js';
import { writeSidecarFiles } from './sidecar-files.js';
import { SmallDisk } from './small-disk.js';

const PATIENCE_MS = 60_000;
const SMALL_MB = 24;
const LARGE_MB = 200;
const KILOBYTES = 'x'.repeat(200_000);
const logger = createLogger({ service: 'stack', level: process.env.DSOPS_TEST_LOG ?? 'silent' });

// Where no disk can be made none can be filled: a container without rights, another system than Linux.
const withDisks = SmallDisk.isPossible() ? describe : describe.skip;

withDisks('a Kafka whose disk is full', () => {
  let folder: string;
  let tools: Pick<Tools, 'dapr' | 'kafka'>;
  let disk: SmallDisk;
  let port: number;
  let kafka: KafkaServer;
  let app: SidecarApp;
  let ended: Promise<ServerExit>;
  const acknowledged: string[] = [];

  const startBroker = async () => {
    const exit = Promise.withResolvers<ServerExit>();
    ended = exit.promise;
    const dataDir = join(folder, 'disk', 'kafka');
    kafka = await startKafka({ tools, dataDir, port, logFile: join(folder, 'kafka.log'), onExit: exit.resolve });
  };
  const publish = async (sequence: number): Promise<void> => {
    const event = { ...anEvent('a', sequence), filling: KILOBYTES };
    const { refused } = await app.transport.publish([{ topic: 'rotation-events', key: 'a', event }]);
    if (refused.length > 0) throw new Error(refused[0]!.reason);
    acknowledged.push(event.id);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dsops-disk-'));
    tools = await ensureTools(['dapr', 'kafka']);
    port = await freePort();
    disk = SmallDisk.mount(join(folder, 'disk'), SMALL_MB);
    await startBroker();
    const topics = topicList().map(({ topic }) => ({
      name: topic,
      partitions: TOPIC_PARTITIONS,
      retentionMs: 3_600_000,
    }));
    await applyTopics(kafka, topics);
    const files = await writeSidecarFiles(join(folder, 'dapr'), { brokers: kafka.brokers });
    app = await startSidecarApp({ tools, logFile: (name) => join(folder, `${name}.log`) }, files, {
      appId: 'notification',
      logger,
      name: 'sidecar',
    });
  }, 900_000);
  afterAll(async () => {
    await app.close();
    await kafka.stop();
    disk.unmount();
    await rm(folder, { recursive: true, force: true });
  }, PATIENCE_MS);

  it(
    'ends and says so; what it had no room for is refused, never acknowledged and lost',
    async () => {
      const fill = async () => {
        for (let sequence = 1; sequence < 2_000; sequence += 1) await publish(sequence);
      };
      await expect(fill()).rejects.toThrow();
      expect(acknowledged.length).toBeGreaterThan(10);
      expect(await ended).toMatchObject({ cause: { code: 'disk_full', says: 'the disk is full' } });
    },
    PATIENCE_MS,
  );

  it(
    'goes on with all that it had acknowledged when there is room again',
    async () => {
      disk.grow(LARGE_MB);
      await startBroker();
      const arrived = new Set<string>();
      await app.transport.subscribe({ name: 'listener', topics: ['rotation-events'] }, async (batch) => {
        for (const { body } of batch) arrived.add((body as { id: string }).id);
        return batch.map(() => 'success');
      });
      await eventually(() => publish(acknowledged.length + 1), PATIENCE_MS);
      await eventually(() => expect(acknowledged.filter((id) => !arrived.has(id))).toEqual([]), PATIENCE_MS);
    },
    2 * PATIENCE_MS,
  );
});
