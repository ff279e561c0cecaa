import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { applyTopics } from '@dsops/broker';
import { TOPIC_PARTITIONS } from '@dsops/contracts/topics';
import { topicList } from '@dsops/contracts-generate';
import { Secret } from '@dsops/kernel';
import type { Delivery } from '@dsops/messaging';
import { anEvent } from '@dsops/messaging/conformance';
import { createLogger } from '@dsops/platform';
import { ensureTools, freePort, startKafka, type KafkaServer, type Tools } from '@dsops/stack';
import { eventually } from '@dsops/testing';
import { startSidecarApp, type SidecarApp } from './sidecar-app.js';
import { writeSidecarFiles, type SidecarFiles } from './sidecar-files.js';

const PASSWORD = 'password-of-the-broker';
const PATIENCE_MS = 60_000;
const logger = createLogger({ service: 'stack', level: process.env.DSOPS_TEST_LOG ?? 'silent' });

/** A Kafka as production has it: TLS, and SASL/SCRAM with the password from the sidecar's secret store. */
describe('a Kafka that demands TLS and a login', () => {
  let folder: string;
  let tools: Pick<Tools, 'dapr' | 'kafka'>;
  let port: number;
  let kafka: KafkaServer | undefined;
  let files: SidecarFiles;
  const opened: SidecarApp[] = [];

  const startBroker = async () => {
    const sasl = { username: 'dsops', password: new Secret(PASSWORD) };
    kafka = await startKafka({
      tools,
      dataDir: join(folder, 'kafka'),
      logFile: join(folder, 'kafka.log'),
      port,
      sasl,
      tls: true,
    });
  };
  const logFile = (name: string) => join(folder, `${name}.log`);
  const open = async (password: string, name: string): Promise<SidecarApp> => {
    const env = { 'DSOPS_SECRET_kafka-password': password };
    const app = await startSidecarApp({ tools, logFile }, files, { appId: 'notification', logger, name, env });
    opened.push(app);
    return app;
  };
  /** What the start of a sidecar fails with. */
  const refusalOf = (password: string): Promise<unknown> =>
    open(password, 'refused').then(
      () => 'it started',
      (error: unknown) => error,
    );

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dsops-login-'));
    tools = await ensureTools(['dapr', 'kafka']);
    port = await freePort();
    await startBroker();
    const topics = topicList().map(({ topic }) => ({
      name: topic,
      partitions: TOPIC_PARTITIONS,
      retentionMs: 3_600_000,
    }));
    await applyTopics(kafka!, topics);
    const login = {
      scram: { username: 'dsops', mechanism: 'SHA-256' },
      tls: { caCert: kafka!.caCertificate! },
    } as const;
    files = await writeSidecarFiles(join(folder, 'dapr'), { brokers: kafka!.brokers, login });
  }, 900_000);
  afterAll(async () => {
    for (const app of opened) await app.close();
    await kafka?.stop();
    await rm(folder, { recursive: true, force: true });
  }, PATIENCE_MS);

  it(
    'gets events from who has both, and brings them',
    async () => {
      const app = await open(PASSWORD, 'sidecar');
      const arrived: Delivery[] = [];
      await app.transport.subscribe({ name: 'listener', topics: ['rotation-events'] }, async (batch) => {
        arrived.push(...batch);
        return batch.map(() => 'success');
      });
      const event = anEvent('a', 1);
      expect(await app.transport.publish([{ topic: 'rotation-events', key: 'a', event }])).toEqual({ refused: [] });
      await eventually(() => expect(arrived).toContainEqual({ topic: 'rotation-events', body: event }), PATIENCE_MS);
    },
    PATIENCE_MS,
  );

  it(
    'ends a sidecar with a wrong password, which says so and never shows it',
    async () => {
      const refusal = await refusalOf('another-password');
      expect(refusal).toMatchObject({
        code: 'kafka_login_refused',
        message: expect.stringContaining('Kafka refused its login'),
      });
      expect(JSON.stringify(refusal, ['message', 'details', 'remedy', 'lastLines'])).not.toContain('another-password');
    },
    PATIENCE_MS,
  );

  it(
    'is waited for by whoever restarts the sidecar: it ends while Kafka is away, names it, and nothing is lost',
    async () => {
      await kafka!.kill();
      expect(await refusalOf(PASSWORD)).toMatchObject({
        code: 'kafka_unreachable',
        message: expect.stringContaining('Kafka does not answer'),
      });
      await startBroker();
      const app = await open(PASSWORD, 'again');
      await eventually(async () => {
        const batch = [{ topic: 'rotation-events', key: 'b', event: anEvent('b', 1) }] as const;
        expect(await app.transport.publish(batch)).toEqual({ refused: [] });
      }, PATIENCE_MS);
    },
    2 * PATIENCE_MS,
  );
});
