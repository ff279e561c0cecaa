import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { TOPICS } from '@dsops/contracts/topics';
import { Secret } from '@dsops/kernel';
import { ensureTools, startKafka, type KafkaServer, type Tools } from '@dsops/stack';
import { eventually } from '@dsops/testing';
import { Program, type Ended } from '../harness/program.js';

const { ConfigResourceTypes, Kafka, logLevel } = kafkajs;
const PASSWORD = 'password-of-the-broker';

/** `dsops topics` and `dsops lag` on a Kafka that demands a login. */
describe('the command line and Kafka', () => {
  let folder: string;
  let kafka: KafkaServer;
  let passwordFile: string;
  let tools: Pick<Tools, 'kafka'>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dsops-topics-'));
    passwordFile = join(folder, 'password');
    await writeFile(passwordFile, PASSWORD);
    tools = await ensureTools(['kafka']);
    await startBroker();
  }, 300_000);
  const startBroker = async (port?: number) => {
    const sasl = { username: 'dsops', password: new Secret(PASSWORD) };
    kafka = await startKafka({
      tools,
      dataDir: join(folder, 'kafka'),
      logFile: join(folder, 'log'),
      sasl,
      ...(port === undefined ? {} : { port }),
    });
  };
  afterAll(async () => {
    await kafka?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const dsops = (...words: string[]): Promise<Ended> =>
    Program.cli([...words, '--user', 'dsops', '--password-file', passwordFile], {
      env: { DSOPS_KAFKA_BROKERS: kafka.brokers.join(','), DSOPS_TOPIC_PREFIX: 'staging-', DSOPS_HOME: folder },
    }).ended;
  const client = () =>
    new Kafka({
      brokers: [...kafka.brokers],
      sasl: { mechanism: 'scram-sha-256', username: 'dsops', password: PASSWORD },
      logLevel: logLevel.NOTHING,
    });
  const settingsOf = async (name: string) => {
    const admin = client().admin();
    await admin.connect();
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name, configNames: ['retention.ms', 'max.message.bytes'] }],
    });
    await admin.disconnect();
    return Object.fromEntries(
      resources[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]),
    );
  };

  it('says what is missing, makes it, and then finds nothing to do', async () => {
    const before = await dsops('topics', 'diff');
    expect(before).toMatchObject({ code: 1, stderr: '' });
    for (const topic of TOPICS) expect(before.stdout).toContain(`staging-${topic}`);
    expect(await dsops('topics', 'apply')).toMatchObject({ code: 0, stdout: expect.stringContaining('12 partitions') });
    expect((await dsops('topics', 'diff')).code).toBe(0);
  });

  it('changes how long records stay, and no other setting', async () => {
    const name = 'staging-rotation-events';
    const admin = client().admin();
    await admin.connect();
    const mine = [{ name: 'max.message.bytes', value: '2000000' }];
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name, configEntries: mine }],
    });
    await admin.disconnect();
    expect(await dsops('topics', 'apply', '--retention', '30d')).toMatchObject({ code: 0 });
    expect(await settingsOf(name)).toEqual({ 'retention.ms': String(30 * 86_400_000), 'max.message.bytes': '2000000' });
  });

  it('does nothing at all where one topic has another number of partitions', async () => {
    const admin = client().admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'small-access-events', numPartitions: 3 }] });
    await admin.disconnect();
    const refused = await dsops('topics', 'apply', '--prefix', 'small-');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/small-access-events has 3 partitions; 12 are wanted\.\n→ /);
    const diff = await dsops('topics', 'diff', '--prefix', 'small-', '--format', 'json');
    expect((JSON.parse(diff.stdout) as { change: string }[]).map(({ change }) => change).sort()).toEqual([
      'conflict',
      'make',
      'make',
    ]);
  });

  it('tells how far a group is behind, by topic and by partition', async () => {
    const topic = 'staging-rotation-events';
    const producer = client().producer();
    await producer.connect();
    await producer.send({ topic, messages: ['a', 'b', 'c', 'd'].map((key) => ({ key, value: 'x' })) });
    await producer.disconnect();
    const admin = client().admin();
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(topic);
    const taken = offsets.map(({ partition, high }) => ({ partition, offset: high }));
    await admin.setOffsets({ groupId: 'audit', topic, partitions: taken });
    await admin.disconnect();
    const rows = JSON.parse((await dsops('lag', '--format', 'json')).stdout) as {
      topic: string;
      group: string;
      lag: number;
      committed: number | null;
    }[];
    const lagOf = (group: string) => rows.find((row) => row.topic === topic && row.group === group);
    expect(lagOf('audit')).toMatchObject({ lag: 0, committed: 4 });
    expect(lagOf('gateway')).toMatchObject({ lag: 4, committed: null });
    expect((await dsops('lag')).stdout).toMatch(/staging-rotation-events +gateway +4 +has never taken any/);
    const parts = JSON.parse((await dsops('lag', '--partitions', '--format', 'json')).stdout) as unknown[];
    expect(parts.length).toBe(12 * rows.length);
  });

  it('serves the lag to Prometheus until Ctrl-C, also while Kafka is away', async () => {
    const serving = Program.cli(['lag', '--user', 'dsops', '--password-file', passwordFile, '--serve', '127.0.0.1:0'], {
      env: { DSOPS_KAFKA_BROKERS: kafka.brokers.join(','), DSOPS_TOPIC_PREFIX: 'staging-' },
    });
    const url = await eventually(() => {
      const [, found] = /Lag at (\S+\/metrics);/.exec(serving.stderr) ?? [];
      expect(found).toBeDefined();
      return found!;
    }, 20_000);
    const scrape = async () => (await fetch(url)).text();
    const text = await scrape();
    expect(text).toMatch(/^dsops_kafka_reachable\{service="lag"\} 1$/m);
    const lags = [...text.matchAll(/^dsops_kafka_lag\{.*group="gateway".*\} (\d+)$/gm)].map(([, lag]) => Number(lag));
    expect(lags.length).toBe(12 * TOPICS.length);
    expect(lags.reduce((sum, lag) => sum + lag, 0)).toBe(4);

    await kafka.kill();
    const without = await scrape();
    expect(without).toMatch(/^dsops_kafka_reachable\{service="lag"\} 0$/m);
    expect(without).not.toMatch(/^dsops_kafka_lag\{/m);
    expect((await serving.stop()).code).toBe(0);
    await startBroker(kafka.port);
  }, 120_000);

  it('says what is wrong with the login, and never shows it', async () => {
    await writeFile(join(folder, 'wrong'), 'another-password');
    const run = await Program.cli(['lag', '--user', 'dsops', '--password-file', join(folder, 'wrong')], {
      env: { DSOPS_KAFKA_BROKERS: kafka.brokers.join(',') },
    }).ended;
    expect(run.stderr).toMatch(/^Error: Kafka at 127\.0\.0\.1:\d+ refused the login\.\n→ /);
    expect(run.stdout + run.stderr).not.toContain('another-password');
  });
});
