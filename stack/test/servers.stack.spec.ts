import { applyTopics } from '@dsops/broker';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { networkInterfaces, tmpdir } from 'node:os';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Secret, unwrapSecret } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import { ensureTools, type Tools } from '../src/tools/ensure-tools.js';
import { freePort } from '../src/servers/ports.js';
import { isAlive } from '../src/is-alive.js';
import { startDaprd, type DaprdOptions, type DaprdServer } from '../src/servers/daprd.js';
import { startKafka, type KafkaServer } from '../src/servers/kafka.js';
import { startSentry, type SentryServer } from '../src/servers/sentry.js';
import { startZipkin } from '../src/servers/zipkin.js';
import type { RunningServer } from '../src/servers/server-process.js';

const TOPIC = { name: 'test-letters', partitions: 12, retentionMs: 3_600_000 };
const apiToken = new Secret('shown to the sidecar');
const appToken = new Secret('shown by the sidecar');

const component = (brokers: readonly string[]) => `
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: { name: pubsub }
spec:
  type: pubsub.kafka
  version: v1
  metadata:
    - { name: brokers, value: '${brokers.join(',')}' }
    - { name: authType, value: none }
    - { name: disableTls, value: 'true' }
    - { name: version, value: 4.0.0 }
    - { name: initialOffset, value: oldest }
`;
const SUBSCRIPTION = `
apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata: { name: letters }
scopes: [reader]
spec: { pubsubname: pubsub, topic: ${TOPIC.name}, routes: { default: /letters } }
`;

/** An application behind a sidecar, which remembers what it was sent. */
async function startApp(port: number) {
  const received: { url: string; token: unknown; body: string }[] = [];
  const server: Server = createServer((request, response) => {
    void read(request).then((body) => {
      // It subscribes by a file, so it has no answer for who asks what it subscribes to.
      if (request.url?.startsWith('/dapr/')) response.statusCode = 404;
      else if (request.url !== '/health')
        received.push({ url: request.url ?? '', token: request.headers['dapr-api-token'], body });
      response.setHeader('content-type', 'application/json').end('{"status":"SUCCESS"}');
    });
  });
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  return { received, close: () => new Promise((closed) => server.close(closed)) };
}

async function read(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

/** What anybody on the machine can see of a process; empty where there is no /proc. */
const argsOf = (pid: number) => (process.platform === 'linux' ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '');

const withToken = { 'dapr-api-token': unwrapSecret(apiToken), 'content-type': 'application/json' };

describe('the real servers', () => {
  let folder: string;
  let tools: Pick<Tools, 'kafka' | 'dapr' | 'zipkin'>;
  let kafka: KafkaServer;
  let sentry: SentryServer;
  let app: Awaited<ReturnType<typeof startApp>>;
  let reader: DaprdServer;
  let writer: DaprdServer;
  const running: RunningServer[] = [];
  const remember = <S extends RunningServer>(server: S): S => {
    running.unshift(server);
    return server;
  };

  async function startSidecar(appId: string, options: Partial<DaprdOptions>): Promise<DaprdServer> {
    return remember(
      await startDaprd({
        tools,
        appId,
        resourcesPath: join(folder, 'resources'),
        configPath: join(folder, 'config.yaml'),
        sentry,
        apiToken,
        appToken,
        logFile: join(folder, 'logs', `${appId}.log`),
        ...options,
      }),
    );
  }

  beforeAll(async () => {
    tools = await ensureTools(['kafka', 'dapr', 'zipkin']);
    folder = mkdtempSync(join(tmpdir(), 'dsops-stack-'));
    kafka = remember(
      await startKafka({ tools, dataDir: join(folder, 'kafka'), logFile: join(folder, 'logs', 'kafka.log') }),
    );
    await applyTopics(kafka, [TOPIC]);
    mkdirSync(join(folder, 'resources'));
    writeFileSync(join(folder, 'resources', 'pubsub.yaml'), component(kafka.brokers));
    writeFileSync(join(folder, 'resources', 'letters.yaml'), SUBSCRIPTION);
    writeFileSync(
      join(folder, 'config.yaml'),
      `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: { name: test }
spec:
  nameResolution: { component: sqlite, configuration: { connectionString: '${join(folder, 'names.db')}' } }
`,
    );
    sentry = remember(
      await startSentry({ tools, dataDir: join(folder, 'sentry'), logFile: join(folder, 'logs', 'sentry.log') }),
    );
    const appPort = await freePort();
    app = await startApp(appPort);
    reader = await startSidecar('reader', { appPort, appHealthPath: '/health' });
    writer = await startSidecar('writer', {});
    await eventually(async () => expect(await reader.ready()).toBe(true), 30_000);
  }, 240_000);

  afterAll(async () => {
    await app?.close();
    for (const server of running) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 120_000);

  it('carry an event from a sidecar through Kafka to another sidecar and its application', async () => {
    const response = await fetch(`${writer.httpUrl}/v1.0/publish/pubsub/${TOPIC.name}?metadata.partitionKey=k`, {
      method: 'POST',
      headers: withToken,
      body: JSON.stringify({ said: 'hello' }),
    });
    expect(response.status).toBe(204);
    await eventually(() => expect(app.received.map(({ url }) => url)).toContain('/letters'), 20_000);
    const letter = app.received.find(({ url }) => url === '/letters');
    expect(JSON.parse(letter!.body)).toMatchObject({ data: { said: 'hello' } });
    expect(letter!.token).toBe(unwrapSecret(appToken));
  });

  it('call each other by name, over mTLS, and refuse whoever has no token', async () => {
    const call = (headers: Record<string, string>) =>
      fetch(`${writer.httpUrl}/v1.0/invoke/reader/method/question`, { headers });
    await eventually(async () => expect((await call(withToken)).status).toBe(200), 20_000);
    expect(app.received.map(({ url }) => url)).toContain('/question');
    expect((await call({})).status).toBe(401);
    const log = readFileSync(reader.logFile, 'utf8');
    expect(log).toContain('Security is initialized successfully');
    expect(log).toContain('Initialized name resolution to sqlite');
  });

  it('listen on this machine only', async () => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal);
    if (outside === undefined) return; // a machine without a network cannot be asked
    const ports = [
      kafka.port,
      reader.httpPort,
      reader.grpcPort,
      Number(new URL(reader.metricsUrl).port),
      Number(sentry.address.split(':')[1]),
    ];
    const answers = (host: string, port: number) =>
      new Promise<boolean>((done) => {
        const socket = connect({ host, port }, () => (socket.destroy(), done(true)));
        socket.once('error', () => done(false));
      });
    expect(await Promise.all(ports.map((port) => answers('127.0.0.1', port)))).toEqual(ports.map(() => true));
    expect(await Promise.all(ports.map((port) => answers(outside.address, port)))).toEqual(ports.map(() => false));
  });

  it('show no secret to who lists processes', () => {
    for (const { pid } of running)
      for (const secret of [apiToken, appToken]) expect(argsOf(pid)).not.toContain(unwrapSecret(secret));
  });

  it('a sidecar that cannot reach Kafka ends, and it is said with the reason', async () => {
    const resourcesPath = join(folder, 'resources-lost');
    mkdirSync(resourcesPath);
    writeFileSync(join(resourcesPath, 'pubsub.yaml'), component([`127.0.0.1:${await freePort()}`]));
    const starting = startSidecar('lost', { resourcesPath });
    await expect(starting).rejects.toMatchObject({
      code: 'kafka_unreachable',
      message: expect.stringContaining('daprd of lost ended while it was starting'),
      details: {
        lastLines: expect.arrayContaining([expect.stringMatching(/connection refused|out of available brokers/)]),
      },
    });
  });

  it('a Kafka that finds its port taken says so', async () => {
    const second = startKafka({
      tools,
      dataDir: join(folder, 'second'),
      logFile: join(folder, 'logs', 'second.log'),
      port: kafka.port,
    });
    await expect(second).rejects.toMatchObject({ code: 'port_taken' });
  });

  it('a Kafka that demands TLS and a login takes those who have both, and goes on with its data after a kill', async () => {
    const sasl = { username: 'dsops', password: new Secret('kafka-password') };
    const options = {
      tools,
      dataDir: join(folder, 'guarded'),
      logFile: join(folder, 'logs', 'guarded.log'),
      sasl,
      tls: true,
    };
    const guarded = remember(await startKafka(options));
    expect(await applyTopics(guarded, [TOPIC])).toMatchObject([{ name: TOPIC.name, change: 'make' }]);
    const wrong = applyTopics({ ...guarded, sasl: { ...sasl, password: new Secret('wrong') } }, []);
    await expect(wrong).rejects.toMatchObject({ code: 'kafka_login_refused' });
    await guarded.kill();
    expect(isAlive(guarded.pid)).toBe(false);

    const again = remember(await startKafka({ ...options, port: guarded.port }));
    expect(await applyTopics(again, [TOPIC])).toEqual([{ name: TOPIC.name, change: 'none' }]);
    const otherCount = applyTopics(again, [{ ...TOPIC, partitions: 3 }]);
    await expect(otherCount).rejects.toMatchObject({ code: 'topic_partitions' });
    expect(argsOf(again.pid)).not.toContain('kafka-password');
    await again.stop();
  });

  it('Zipkin takes spans and shows them', async () => {
    const zipkin = remember(await startZipkin({ tools, logFile: join(folder, 'logs', 'zipkin.log') }));
    const traceId = '463ac35c9f6413ad48485a3953bb6124';
    const span = { traceId, id: 'a2fb4a1d1a96d312', name: 'test', timestamp: Date.now() * 1000, duration: 10 };
    const sent = await fetch(zipkin.spansUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([span]),
    });
    expect(sent.status).toBe(202);
    await eventually(async () => expect((await fetch(`${zipkin.url}/api/v2/trace/${traceId}`)).status).toBe(200));
  });
});
