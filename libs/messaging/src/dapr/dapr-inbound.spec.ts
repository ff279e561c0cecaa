import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { Secret } from '@dsops/kernel';
import { createLogger, startServiceApp, type ServiceApp } from '@dsops/platform';
import type { Delivery, DeliveryAnswer } from '../transport.js';
import { DaprInboundModule, INBOUND_EVENTS } from './dapr-inbound.module.js';
import { DaprTransport } from './dapr-transport.service.js';

const TOKEN = 'app-token-of-the-spec';
const logger = createLogger({ service: 'spec', level: 'silent' });
const raw = (text: string | Buffer): string => Buffer.from(text).toString('base64');
const OCTETS = 'application/octet-stream';

describe('what daprd delivers', () => {
  let transport: DaprTransport;
  let app: ServiceApp;
  let arrived: Delivery[];

  beforeEach(async () => {
    arrived = [];
    transport = new DaprTransport({ sidecarUrl: 'http://127.0.0.1:65535', apiToken: new Secret('any'), logger });
    @Module({ imports: [DaprInboundModule.forTransport(transport)] })
    class InboundApp {}
    app = await startServiceApp(InboundApp, { logger, token: TOKEN, rawBodies: [INBOUND_EVENTS] });
  });
  afterEach(() => app.close());

  const takes =
    (answer: (delivery: Delivery) => DeliveryAnswer = () => 'success') =>
    async (batch: readonly Delivery[]) => {
      arrived.push(...batch);
      return batch.map(answer);
    };
  const listen = (name: string, deliver = takes(), topics = ['rotation-events' as const]) =>
    transport.subscribe({ name, topics }, deliver);

  async function post(body: unknown, path = '/events/rotation-events', headers = {}) {
    const response = await fetch(`${app.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'dapr-api-token': TOKEN, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }
  const answered = (...statuses: string[]) => ({
    status: 200,
    body: { statuses: statuses.map((status, nth) => ({ entryId: String(nth), status })) },
  });
  const bulk = (...entries: { event: unknown; contentType?: string }[]) => ({
    id: '',
    topic: 'rotation-events',
    entries: entries.map((entry, nth) => ({
      entryId: String(nth),
      contentType: 'application/cloudevents+json',
      ...entry,
    })),
  });

  it('comes in bulk, and is answered for each event', async () => {
    await listen(
      'one',
      takes(({ body }) => ((body as { n: number }).n === 2 ? 'retry' : 'success')),
    );
    expect(await post(bulk({ event: { n: 1 } }, { event: { n: 2 } }, { event: { n: 3 } }))).toEqual(
      answered('SUCCESS', 'RETRY', 'SUCCESS'),
    );
    expect(arrived).toEqual([1, 2, 3].map((n) => ({ topic: 'rotation-events', body: { n } })));
  });

  it('comes as raw bytes: JSON becomes what it says, anything else goes on as the text it is', async () => {
    await listen('one');
    const contentType = OCTETS;
    const texts = ['{"n":1,"ü":"🗝️"}', 'no json', '', 'null', '"x"', '[1]', Buffer.from([0xff, 0x00])];
    const answer = await post(bulk(...texts.map((text) => ({ event: raw(text), contentType }))));
    expect(answer).toEqual(answered(...texts.map(() => 'SUCCESS')));
    expect(arrived.map(({ body }) => body)).toEqual([{ n: 1, ü: '🗝️' }, 'no json', '', null, 'x', [1], '\uFFFD\0']);
  });

  it('comes alone, and is answered alone', async () => {
    await listen('one');
    const headers = { 'content-type': 'application/cloudevents+json' };
    expect(await post({ id: '1', data: {} }, undefined, headers)).toEqual({ status: 200, body: { status: 'SUCCESS' } });
    const wrapped = { id: 'new', type: 'com.dapr.event.sent', data_base64: raw('{"id":"2"}') };
    expect(await post(wrapped, undefined, headers)).toEqual({ status: 200, body: { status: 'SUCCESS' } });
    expect(arrived.map(({ body }) => body)).toEqual([{ id: '1', data: {} }, { id: '2' }]);
  });

  it.each([['not json at all'], ['[1,2'], ['"text"'], ['null'], ['{"entries":{"no":"list"}}'], ['']])(
    'is handed on and answered when the body cannot be read: %j',
    async (body) => {
      await listen('one');
      expect(await post(body)).toEqual({ status: 200, body: { status: 'SUCCESS' } });
      expect(arrived).toHaveLength(1);
    },
  );

  it('may be a bulk far above what other routes take', async () => {
    await listen('one');
    const event = { text: 'x'.repeat(60_000) };
    expect((await post(bulk(...Array.from({ length: 200 }, () => ({ event }))))).status).toBe(200);
    expect(arrived).toHaveLength(200);
  });

  it('is put off, and never answered 404, while nobody listens to its topic', async () => {
    expect(await post(bulk({ event: {} }))).toEqual(answered('RETRY'));
    await listen('other', takes(), ['rotation-events']);
    expect(await post(bulk({ event: {} }), '/events/no-such-topic')).toEqual(answered('RETRY'));
    expect(await post({}, '/events/no-such-topic')).toEqual({ status: 200, body: { status: 'RETRY' } });
    expect(arrived).toEqual([]);
  });

  it('goes to every consumer of its topic, and is settled when all have it', async () => {
    await listen('one');
    await listen(
      'two',
      takes(({ body }) => ((body as { n: number }).n === 1 ? 'retry' : 'success')),
    );
    expect(await post(bulk({ event: { n: 1 } }, { event: { n: 2 } }))).toEqual(answered('RETRY', 'SUCCESS'));
    expect(arrived).toHaveLength(4);
  });

  it('waits until every consumer of this process is there, and again when one has stopped', async () => {
    transport.keepFor([{ name: 'late', topics: ['rotation-events'] }]);
    const early = await listen('early');
    expect(transport.isListening).toBe(false);
    expect(await post(bulk({ event: {} }))).toEqual(answered('RETRY'));
    expect(arrived).toEqual([]);
    await listen('late');
    expect(transport.isListening).toBe(true);
    expect(await post(bulk({ event: {} }))).toEqual(answered('SUCCESS'));
    await early.stop();
    expect(await post(bulk({ event: {} }))).toEqual(answered('RETRY'));
  });

  it('is put off when a consumer breaks down', async () => {
    await listen('one', () => Promise.reject(new Error('broken')));
    expect(await post(bulk({ event: {} }))).toEqual(answered('RETRY'));
  });

  it('is waited for by a consumer that stops', async () => {
    const begun = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    const subscription = await listen('one', async (batch) => {
      begun.resolve();
      await over.promise;
      return batch.map(() => 'success');
    });
    const posted = post(bulk({ event: {} }));
    await begun.promise;
    let hasStopped = false;
    const stopped = subscription.stop().then(() => (hasStopped = true));
    expect(await post(bulk({ event: {} }))).toEqual(answered('RETRY'));
    expect(hasStopped).toBe(false);
    over.resolve();
    expect(await posted).toEqual(answered('SUCCESS'));
    await stopped;
  });

  it('is not taken from anybody but the sidecar', async () => {
    await listen('one');
    const { status } = await post(bulk({ event: {} }), undefined, { 'dapr-api-token': 'guessed' });
    expect(status).toBe(401);
    expect(arrived).toEqual([]);
  });
});
