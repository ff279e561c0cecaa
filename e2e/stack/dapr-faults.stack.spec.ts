import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { Secret } from '@dsops/kernel';
import { DaprTransport, type Delivery, type Published } from '@dsops/messaging';
import { anEvent } from '@dsops/messaging/conformance';
import { createLogger } from '@dsops/platform';
import { eventually } from '@dsops/testing';
import { KafkaWorld } from './kafka-world.js';
import { startSidecarApp, type SidecarApp } from './sidecar-app.js';
import type { SidecarFiles } from './sidecar-files.js';

const logger = createLogger({ service: 'stack', level: process.env.DSOPS_TEST_LOG ?? 'silent' });
const PATIENCE_MS = 60_000;
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

const published = (key: string, sequence: number, bytes = 0): Published => {
  const data = { ...rotationStarted.example, reason: 'x'.repeat(bytes) };
  const event = anEvent(key, sequence, { traceid: TRACEPARENT, traceparent: TRACEPARENT, data });
  return { topic: 'rotation-events', key, event };
};

const idOf = ({ body }: Delivery): string => (body as EventEnvelope).id;

/** As the relay does: what is refused is published again. A broker on a busy machine refuses now and then. */
async function publishAll({ transport }: SidecarApp, batch: readonly Published[]): Promise<void> {
  let rest = batch;
  await eventually(async () => {
    const { refused } = await transport.publish(rest);
    const ids = refused.map(({ id }) => id);
    rest = rest.filter(({ event }) => ids.includes(event.id));
    expect(refused).toEqual([]);
  }, PATIENCE_MS);
}

/** What can be wrong around the transport, on the real thing: nothing is lost, and it goes on by itself. */
describe('the Dapr transport and what goes wrong around it', () => {
  let world: KafkaWorld | undefined;
  const opened: SidecarApp[] = [];
  beforeAll(async () => void (world = await KafkaWorld.start()), 900_000);
  afterAll(async () => {
    for (const app of opened) await app.close();
    await world?.stop();
  }, PATIENCE_MS);

  async function open(files: SidecarFiles, name = 'daprd'): Promise<SidecarApp> {
    const app = await startSidecarApp(world!, files, { appId: 'notification', logger, name });
    opened.push(app);
    return app;
  }

  /** Listens, and answers success to everything; what has arrived is in the list. */
  async function listen({ transport }: SidecarApp): Promise<Delivery[]> {
    const arrived: Delivery[] = [];
    await transport.subscribe({ name: 'listener', topics: ['rotation-events'] }, async (batch) => {
      arrived.push(...batch);
      return batch.map(() => 'success');
    });
    return arrived;
  }

  it('brings the event as it was published: no attribute more, its own trace', async () => {
    const app = await open(await world!.environment());
    const arrived = await listen(app);
    const one = published('a', 1);
    await publishAll(app, [one, published('b', 1)]);
    await eventually(() => expect(new Set(arrived.map(idOf)).size).toBe(2), PATIENCE_MS);
    expect(arrived).toContainEqual({ topic: 'rotation-events', body: one.event });
    expect(JSON.stringify(arrived)).toContain(TRACEPARENT);
  });

  it('hands on whatever else is in the topic, and neither drops it nor stands still', async () => {
    const files = await world!.environment();
    const app = await open(files);
    const foreign = [
      'no json',
      '',
      '[1]',
      '"text"',
      'null',
      '{"traceparent":7}',
      '{"expiration":"2001-01-01T00:00:00Z"}',
      '{"entries":[]}',
    ];
    const kafka = new kafkajs.Kafka({ clientId: 'foreigner', brokers: [...world!.kafka.brokers], logLevel: 0 });
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({
      topic: `${files.topicPrefix}rotation-events`,
      messages: foreign.map((value) => ({ value, partition: 0 })),
    });
    await producer.disconnect();
    const arrived = await listen(app);
    await eventually(() => expect(arrived).toHaveLength(foreign.length), PATIENCE_MS);
    expect(arrived.map(({ body }) => body)).toEqual([
      'no json',
      '',
      [1],
      'text',
      null,
      { traceparent: 7 },
      { expiration: '2001-01-01T00:00:00Z' },
      { entries: [] },
    ]);
    await publishAll(
      app,
      ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => published(key, 1)),
    );
    await eventually(() => expect(new Set(arrived.slice(foreign.length).map(idOf)).size).toBe(6), PATIENCE_MS);
  });

  it('takes batches of large events, in requests that daprd takes', async () => {
    const app = await open(await world!.environment());
    const arrived = await listen(app);
    const batch = Array.from({ length: 60 }, (_, nth) => published(`key ${nth % 5}`, Math.floor(nth / 5) + 1, 250_000));
    await publishAll(app, batch);
    await eventually(() => expect(new Set(arrived.map(idOf)).size).toBe(60), PATIENCE_MS);
  });

  it('answers one event that is too large for the broker as refused, and brings the others', async () => {
    const app = await open(await world!.environment());
    const arrived = await listen(app);
    const tooLarge = published('a', 1, 1_500_000);
    const { refused } = await app.transport.publish([tooLarge, published('b', 1)]);
    expect(refused).toEqual([{ id: tooLarge.event.id, reason: expect.stringMatching(/too large|larger than/i) }]);
    await eventually(() => expect(arrived).toHaveLength(1), PATIENCE_MS);
  });

  it('says that a topic is missing, and goes on when it has been made', async () => {
    const files = await world!.environment({ hasTopics: false });
    const app = await open(files);
    const arrived = await listen(app);
    const failed = app.transport.publish([published('a', 1)]);
    await expect(failed).rejects.toMatchObject({
      code: 'publishing_failed',
      message: expect.stringMatching(/topic or partition|does not exist/i),
    });
    await world!.makeTopics(files.topicPrefix);
    await eventually(() => app.transport.publish([published('a', 1)]), PATIENCE_MS);
    await eventually(() => expect(arrived.length).toBeGreaterThan(0), 2 * PATIENCE_MS);
  });

  it('says that the token is refused', async () => {
    const { daprd, transport } = await open(await world!.environment());
    const stranger = new DaprTransport({ sidecarUrl: daprd.httpUrl, apiToken: new Secret('guessed'), logger });
    await expect(stranger.publish([published('a', 1)])).rejects.toMatchObject({
      message: expect.stringContaining('401'),
    });
    expect(transport.isListening).toBe(false);
  });

  it('delivers again to an app that is slower than the sidecar waits, and goes on', async () => {
    const files = await world!.environment();
    const resiliency = join(files.resourcesPath, 'resiliency.yaml');
    await writeFile(resiliency, (await readFile(resiliency, 'utf8')).replace('batch: 60s', 'batch: 1s'));
    const app = await open(files);
    const begun: string[] = [];
    await app.transport.subscribe({ name: 'listener', topics: ['rotation-events'] }, async (batch) => {
      const isFirst = begun.length === 0;
      begun.push(...batch.map(({ body }) => (body as EventEnvelope).sequence));
      if (isFirst) await new Promise((done) => setTimeout(done, 3_000));
      return batch.map(() => 'success');
    });
    await publishAll(app, [published('a', 1)]);
    await eventually(() => expect(begun.filter((sequence) => sequence === '1').length).toBeGreaterThan(1), PATIENCE_MS);
    await publishAll(app, [published('a', 2)]);
    await eventually(() => expect(begun).toContain('2'), PATIENCE_MS);
  });

  it('goes on when the sidecar dies and comes back', async () => {
    const app = await open(await world!.environment());
    const arrived = await listen(app);
    await publishAll(app, [published('a', 1)]);
    await eventually(() => expect(arrived).toHaveLength(1), PATIENCE_MS);
    await app.restartSidecar(async () => {
      const failed = app.transport.publish([published('a', 2)]);
      await expect(failed).rejects.toMatchObject({ message: expect.stringContaining('ECONNREFUSED') });
    });
    await publishAll(app, [published('a', 2)]);
    await eventually(() => {
      const sequences = new Set(arrived.map(({ body }) => (body as EventEnvelope).sequence));
      expect([...sequences].sort()).toEqual(['1', '2']);
    }, PATIENCE_MS);
  });

  it('loses nothing when Kafka dies and comes back', async () => {
    const app = await open(await world!.environment());
    const arrived = await listen(app);
    await publishAll(app, [published('a', 1)]);
    await eventually(() => expect(arrived).toHaveLength(1), PATIENCE_MS);
    await world!.restartKafka(async () => {
      const failed = app.transport.publish([published('a', 2)]);
      await expect(failed).rejects.toMatchObject({ code: 'publishing_failed' });
    });
    await eventually(() => app.transport.publish([published('a', 2)]), PATIENCE_MS);
    await eventually(() => {
      const sequences = new Set(arrived.map(({ body }) => (body as EventEnvelope).sequence));
      expect([...sequences].sort()).toEqual(['1', '2']);
    }, PATIENCE_MS);
  });
});
