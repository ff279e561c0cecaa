import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Topic } from '@dsops/contracts/topics';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { Secret } from '@dsops/kernel';
import { createLogger } from '@dsops/platform';
import { FakeBroker, FakeDaprd } from '@dsops/testing';
import { anEvent } from '../conformance/an-event.js';
import type { Published } from '../transport.js';
import { DaprTransport, type DaprTransportOptions } from './dapr-transport.service.js';

const TOKEN = 'api-token-of-the-spec';
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

const traced = (key: string, sequence: number, reason = ''): EventEnvelope =>
  anEvent(key, sequence, {
    traceid: TRACEPARENT,
    traceparent: TRACEPARENT,
    data: { ...rotationStarted.example, reason },
  });
const published = (key: string, sequence: number, topic: Topic = 'rotation-events', reason = ''): Published => ({
  topic,
  key,
  event: traced(key, sequence, reason),
});

describe('publishing through Dapr', () => {
  let broker: FakeBroker;
  let daprd: FakeDaprd;

  const started = async (options: Partial<Parameters<typeof FakeDaprd.start>[0]> = {}) => {
    broker = new FakeBroker();
    daprd = await FakeDaprd.start({ appId: 'rotation', broker, apiToken: TOKEN, ...options });
  };
  beforeEach(() => started());
  afterEach(() => daprd.stop());

  const aTransport = (options: Partial<DaprTransportOptions> = {}): DaprTransport =>
    new DaprTransport({
      sidecarUrl: daprd.url,
      apiToken: new Secret(TOKEN),
      logger: createLogger({ service: 'spec', level: 'silent' }),
      timeoutMs: 1_000,
      ...options,
    });
  const onTopic = (topic: string): EventEnvelope[] =>
    broker.recordsOn(topic).map(({ value }) => JSON.parse(value.toString()) as EventEnvelope);

  it('brings each event to its topic as it is, with its trace, in the order of its key', async () => {
    const batch = [published('a', 1), published('b', 1, 'access-events'), published('a', 2), published('a', 3)];
    expect(await aTransport({ topicPrefix: 'staging-' }).publish(batch)).toEqual({ refused: [] });
    expect(onTopic('staging-rotation-events')).toEqual([batch[0]!.event, batch[2]!.event, batch[3]!.event]);
    expect(onTopic('staging-access-events')).toEqual([batch[1]!.event]);
    expect(broker.recordsOn('staging-rotation-events').map(({ key }) => key)).toEqual(['a', 'a', 'a']);
    expect(daprd.requests).toHaveLength(2);
  });

  it('publishes the same event twice in one batch when it is asked to', async () => {
    const twice = published('a', 1);
    expect(await aTransport().publish([twice, twice])).toEqual({ refused: [] });
    expect(onTopic('rotation-events')).toHaveLength(2);
  });

  it('sends nothing for nothing', async () => {
    expect(await aTransport().publish([])).toEqual({ refused: [] });
    expect(daprd.requests).toEqual([]);
  });

  it('answers what the broker refused, with its reason, and no more than that', async () => {
    daprd.refuses = ({ event }) =>
      (event as EventEnvelope).sequence === '2' ? 'kafka server: Message was too large' : undefined;
    const batch = [published('a', 1), published('a', 2), published('b', 1)];
    const { refused } = await aTransport().publish(batch);
    expect(refused).toEqual([{ id: batch[1]!.event.id, reason: 'kafka server: Message was too large' }]);
    expect(onTopic('rotation-events')).toHaveLength(2);
  });

  it('bounds its requests, and sends nothing of a key behind an event of it that was refused', async () => {
    daprd.refuses = ({ event }) =>
      (event as EventEnvelope).sequence === '1' && (event as EventEnvelope).partitionkey === 'a' ? 'no' : undefined;
    const large = 'x'.repeat(3_000);
    const batch = ['a', 'b', 'a', 'b'].map((key, nth) =>
      published(key, Math.floor(nth / 2) + 1, 'rotation-events', large),
    );
    const { refused } = await aTransport({ maxRequestBytes: 4_000 }).publish(batch);
    expect(refused).toEqual([
      { id: batch[0]!.event.id, reason: 'no' },
      { id: batch[2]!.event.id, reason: 'An earlier event of its key was refused.' },
    ]);
    expect(daprd.requests.map(({ body }) => (JSON.parse(body) as unknown[]).length)).toEqual([1, 1, 1]);
    expect(onTopic('rotation-events').map(({ partitionkey }) => partitionkey)).toEqual(['b', 'b']);
  });

  it('keeps what it knows of other topics when a request fails whole', async () => {
    await daprd.stop();
    await started({ allowedTopics: ['rotation-events'] });
    const batch = [published('a', 1), published('b', 1, 'access-events')];
    const { refused } = await aTransport().publish(batch);
    expect(refused).toEqual([
      { id: batch[1]!.event.id, reason: expect.stringMatching(/^403 ERR_PUBSUB_FORBIDDEN: topic access-events/) },
    ]);
    expect(onTopic('rotation-events')).toHaveLength(1);
  });

  it('stops a topic at the first request without a clear answer', async () => {
    daprd.planned.push({ status: 429, text: 'slow down' });
    const batch = [published('a', 1), published('b', 1), published('c', 1, 'access-events')];
    const { refused } = await aTransport({ maxRequestBytes: 1 }).publish(batch);
    expect(refused).toEqual(batch.slice(0, 2).map(({ event: { id } }) => ({ id, reason: '429 slow down' })));
    expect(daprd.requests).toHaveLength(2);
  });

  it.each([
    [
      'a topic that is not ours',
      { status: 403, body: { errorCode: 'ERR_PUBSUB_FORBIDDEN', message: 'topic x is not allowed' } },
      '403 ERR_PUBSUB_FORBIDDEN: topic x is not allowed',
    ],
    [
      'a component that is not there',
      { status: 404, body: { errorCode: 'ERR_PUBSUB_NOT_FOUND', message: 'gone' } },
      '404 ERR_PUBSUB_NOT_FOUND: gone',
    ],
    ['too many requests', { status: 429, text: 'slow\ndown' }, '429 slow down'],
    ['a failure without a list', { status: 500, body: { errorCode: 'ERR_X', message: 'broken' } }, '500 ERR_X: broken'],
    ['a failure with an empty list', { status: 500, body: { failedEntries: [], errorCode: 'ERR_X' } }, '500 ERR_X'],
    [
      'a list of somebody else’s entries',
      { status: 500, body: { failedEntries: [{ entryId: '7', error: 'no' }], errorCode: 'ERR_X' } },
      '500 ERR_X',
    ],
    ['a success that is not the one of publishing', { status: 200, text: '{}' }, '200 {}'],
    [
      'every entry refused',
      { status: 500, body: { failedEntries: [{ entryId: '0', error: 'kafka: out of brokers' }] } },
      'kafka: out of brokers',
    ],
    ['silence', 'silence', 'The Dapr sidecar does not answer (TimeoutError).'],
  ] as const)('throws for %s, when that was all', async (_, answer, reason) => {
    daprd.planned.push(answer);
    await expect(aTransport({ timeoutMs: 200 }).publish([published('a', 1)])).rejects.toMatchObject({
      code: 'publishing_failed',
      kind: 'unavailable',
      message: `Nothing was published: ${reason}`,
    });
  });

  it('says whether events get through: by the sidecar, and by what became of the last publishing', async () => {
    const transport = aTransport();
    const lost = { code: 'transport_unavailable', message: expect.stringContaining('out of brokers') as unknown };
    await transport.check();
    daprd.refuses = () => 'kafka: client has run out of brokers';
    await expect(transport.publish([published('a', 1)])).rejects.toMatchObject({ code: 'publishing_failed' });
    await expect(transport.check()).rejects.toMatchObject(lost);
    daprd.refuses = () => undefined;
    await transport.publish([published('a', 1)]);
    await transport.check();
    await daprd.stop();
    await expect(transport.check()).rejects.toMatchObject({ code: 'sidecar_unavailable' });
  });

  it.each(['1.15.5', '1.9.20', 'v0.99.9'])(
    'is not ready with a sidecar of version %s, which loses events',
    async (version) => {
      const old = await FakeDaprd.start({ appId: 'rotation', broker, apiToken: TOKEN, version });
      const refused = expect.objectContaining({
        code: 'sidecar_outdated',
        message: expect.stringContaining('1.15.6 or newer is needed'),
      });
      await expect(aTransport({ sidecarUrl: old.url }).check()).rejects.toEqual(refused);
      await old.stop();
    },
  );

  it.each(['1.15.6', '1.20.0', '2.0.0', 'edge'])('is ready with version %s', async (version) => {
    const other = await FakeDaprd.start({ appId: 'rotation', broker, apiToken: TOKEN, version });
    await aTransport({ sidecarUrl: other.url }).check();
    await other.stop();
  });

  it('throws when no sidecar is there', async () => {
    const transport = aTransport({ sidecarUrl: 'http://127.0.0.1:65535' });
    await expect(transport.publish([published('a', 1)])).rejects.toMatchObject({ code: 'publishing_failed' });
  });

  it('says that the token is refused, and never shows it', async () => {
    const error = await aTransport({ apiToken: new Secret('a-wrong-token') })
      .publish([published('a', 1)])
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: 'Nothing was published: 401 invalid api token ' });
    expect(() => aTransport({ apiToken: new Secret('a-wrong-token\n') })).toThrow(
      expect.objectContaining({ code: 'sidecar_token_invalid', message: expect.not.stringContaining('a-wrong-token') }),
    );
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('a-wrong-token');
  });

  it('is refused by a strict sidecar when the request is not as it must be', async () => {
    const post = async (entries: unknown): Promise<number> => {
      const headers = { 'dapr-api-token': TOKEN };
      const request = { method: 'POST', headers, body: JSON.stringify(entries) };
      return (await fetch(`${daprd.url}/v1.0/publish/bulk/pubsub/rotation-events`, request)).status;
    };
    const sound = { entryId: '1', event: {}, contentType: 'application/cloudevents+json' };
    expect(await post([sound])).toBe(204);
    expect(await post([{ ...sound, entryId: undefined }])).toBe(400);
    expect(await post([sound, sound])).toBe(400);
    expect(await post([{ ...sound, contentType: 'text/html' }])).toBe(400);
    expect(await post({ not: 'a list' })).toBe(400);
  });
});
