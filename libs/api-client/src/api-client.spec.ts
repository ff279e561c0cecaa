import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineOperation } from '@dsops/contracts/define-operation';
import { pageOf, pageQuery } from '@dsops/contracts/page';
import { DomainError, isId, Secret } from '@dsops/kernel';
import { ApiClient, type ApiClientOptions } from './api-client.js';
import type { EventStreamItem } from './event-stream.js';
import { apiKey } from './exchange.js';
import { answer, breakOff, ScriptedServer, standStill } from './scripted-server.fixture.js';

const about = { service: 'rotation', tag: 'test', role: 'viewer', status: 200, summary: 'For this test' } as const;
const params = z.object({ name: z.string().min(1) });
const body = z.strictObject({ size: z.int() });
const response = z.object({ ok: z.literal(true) });
const readThing = defineOperation({ id: 'read', method: 'GET', path: '/things/{name}', params, response, ...about });
const makeThing = defineOperation({ id: 'make', method: 'POST', path: '/things', body, response, ...about });
const putThing = defineOperation({
  id: 'put',
  method: 'PUT',
  path: '/things/{name}',
  params,
  body,
  response,
  ...about,
});
const mendThing = defineOperation({
  id: 'mend',
  method: 'PATCH',
  path: '/things/{name}',
  params,
  body,
  response,
  ...about,
});
const listThings = defineOperation({
  id: 'list',
  method: 'GET',
  path: '/things',
  query: z.strictObject({ color: z.string().optional(), ...pageQuery }),
  response: pageOf(z.string()),
  ...about,
});

const OK = { ok: true };
const problem = (over: object) => ({ type: 'x', title: 'x', status: 409, detail: 'No.', code: 'taken', ...over });

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.stop());

const client = (over: Partial<ApiClientOptions> = {}) =>
  new ApiClient({
    url: server.url,
    credentials: apiKey(new Secret('canary-key')),
    name: 'console/1.0.0',
    retryDelaysMs: [1, 1, 1],
    ...over,
  });
const keys = () => server.seen.map(({ headers }) => headers['idempotency-key']);
const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a call', () => {
  it('fills in path, query and body, and says who asks', async () => {
    server.will(answer(OK), answer({ items: [], next: null }));
    expect(await client().call(readThing, { params: { name: 'a/b c' } })).toEqual(OK);
    await client({ basePath: '' }).call(listThings, { query: { color: 'a&b' } });
    expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /api/v1/things/a%2Fb%20c',
      'GET /things?color=a%26b',
    ]);
    expect(server.seen[0]?.headers).toMatchObject({
      authorization: 'Bearer canary-key',
      'dsops-client': 'console/1.0.0',
    });
  });

  it('throws what was answered, with all its facts', async () => {
    const errors = [{ path: 'size', message: 'too big' }];
    server.will(answer(problem({ kind: 'conflict', about: 'target', remedy: 'Look.', errors }), 409));
    const error = await failureOf(client().call(makeThing, { body: { size: 1 } }));
    expect(error).toBeInstanceOf(DomainError);
    expect(error).toMatchObject({
      code: 'taken',
      kind: 'conflict',
      message: 'No.',
      details: { about: 'target', remedy: 'Look.', errors },
    });
  });

  it('tells a wrong value before anything is sent', async () => {
    const error = await failureOf(client().call(makeThing, { body: { size: 1.5 } }));
    expect(error).toMatchObject({ code: 'request_invalid', kind: 'invalid' });
    expect(server.seen).toEqual([]);
  });

  it('tells an answer that is none of ours from one of another release', async () => {
    server.will(
      (reply) => void reply.writeHead(502).end('<html>'),
      (reply) => void reply.writeHead(200).end('<html>'),
      answer({ ok: 'maybe' }),
    );
    const ask = () => failureOf(client().call(readThing, { params: { name: 'a' } }));
    expect(await ask()).toMatchObject({ code: 'answer_unexpected', kind: 'unavailable' });
    expect(await ask()).toMatchObject({ code: 'answer_unexpected', kind: 'internal' });
    expect(await ask()).toMatchObject({ code: 'answer_not_understood' });
  });

  it('follows no redirect, which would carry the key away', async () => {
    server.will((reply) => void reply.writeHead(302, { location: `${server.url}/elsewhere` }).end());
    expect(await failureOf(client().call(readThing, { params: { name: 'a' } }))).toMatchObject({
      code: 'answer_unexpected',
    });
    expect(server.seen).toHaveLength(1);
  });
});

describe('a lost connection', () => {
  it('is tried again under one Idempotency-Key, and another call has another', async () => {
    server.will(breakOff, breakOff, answer(OK), answer(OK));
    await client().call(makeThing, { body: { size: 1 } });
    await client().call(makeThing, { body: { size: 1 } });
    const [first, second, third, other] = keys();
    expect([second, third]).toEqual([first, first]);
    expect(isId(String(first))).toBe(true);
    expect(other).not.toBe(first);
  });

  it('gives a key to what would be done twice, and to nothing else', async () => {
    server.will(answer(OK), answer(OK), answer(OK));
    await client().call(mendThing, { params: { name: 'a' }, body: { size: 1 } }, { idempotencyKey: 'mine' });
    await client().call(putThing, { params: { name: 'a' }, body: { size: 1 } });
    await client().call(readThing, { params: { name: 'a' } });
    expect(keys()).toEqual(['mine', undefined, undefined]);
  });

  it('ends with a sentence and what to do when it stays lost', async () => {
    server.will(breakOff, breakOff, breakOff, breakOff);
    const error = await failureOf(
      client({ remedyWhenUnreachable: 'Start it.' }).call(readThing, { params: { name: 'a' } }),
    );
    expect(error).toMatchObject({ code: 'server_unreachable', kind: 'unavailable', details: { remedy: 'Start it.' } });
    expect(server.seen).toHaveLength(4);
  });

  it('is not waited for where nobody listens', async () => {
    const gone = await ScriptedServer.start();
    const { url } = gone;
    await gone.stop();
    const error = await failureOf(client({ url, retryDelaysMs: [60_000] }).call(readThing, { params: { name: 'a' } }));
    expect(String(error)).toContain('nobody listens');
  });

  it('is no answer that is late: that one ends the call', async () => {
    server.will(standStill);
    const error = await failureOf(client().call(readThing, { params: { name: 'a' } }, { timeoutMs: 50 }));
    expect(String(error)).toContain('does not answer in time');
    expect(server.seen).toHaveLength(1);
  });

  it('is no signal of the caller, whose reason is thrown', async () => {
    const stop = new AbortController();
    server.will(() => stop.abort(new Error('enough')));
    await expect(client().call(readThing, { params: { name: 'a' } }, { signal: stop.signal })).rejects.toThrow(
      'enough',
    );
    expect(server.seen).toHaveLength(1);
  });
});

describe('a list', () => {
  const pages = () =>
    server.will(
      answer({ items: ['a', 'b'], next: 'after b' }),
      answer({ items: ['c'], next: 'after c' }),
      answer({ items: ['d'], next: null }),
    );
  const queries = () => server.seen.map(({ path }) => path.split('?')[1]);

  it('is read over all its pages, each from where the one before ended', async () => {
    pages();
    expect(await client().list(listThings, { query: { color: 'red' } })).toEqual(['a', 'b', 'c', 'd']);
    expect(queries()).toEqual([
      'color=red&limit=200',
      'color=red&limit=200&cursor=after+b',
      'color=red&limit=200&cursor=after+c',
    ]);
  });

  it('asks for no page that nobody wants', async () => {
    pages();
    for await (const item of client().items(listThings)) if (item === 'b') break;
    expect(server.seen).toHaveLength(1);
  });

  it('gives and asks for no more than is wanted', async () => {
    pages();
    expect(await client().list(listThings, {}, { most: 3 })).toEqual(['a', 'b', 'c']);
    expect(queries()).toEqual(['limit=3', 'limit=1&cursor=after+b']);
  });
});

describe('the event stream', () => {
  const event = (sequence: number) => ({
    specversion: '1.0',
    id: '01JD00000000000000000000EE',
    source: 'dsops/rotation',
    type: 'dsops.rotation.rotation.progressed.v1',
    subject: 'rotation/1',
    time: '2026-11-21T14:29:58.000Z',
    datacontenttype: 'application/json',
    partitionkey: 'a',
    sequence: String(sequence),
    epoch: 1,
    data: {},
  });
  const stream =
    (...frames: string[]) =>
    (reply: Parameters<ReturnType<typeof answer>>[0]) =>
      void reply.writeHead(200, { 'content-type': 'text/event-stream' }).write(frames.join(''));
  const frame = (id: number) => `id: ${id}\nevent: x\ndata: ${JSON.stringify(event(id))}\n\n`;

  async function read(until: number, over: { silenceMs?: number } = {}): Promise<EventStreamItem[]> {
    const stop = new AbortController();
    const items: EventStreamItem[] = [];
    const options = { types: ['dsops.rotation.'], signal: stop.signal, reconnectDelaysMs: [1], ...over };
    for await (const item of client().events(options)) {
      items.push(item);
      if (items.length === until) stop.abort();
    }
    return items;
  }

  it('goes on where it stopped, past events that were left out', async () => {
    server.will(
      (reply) => {
        stream(frame(3), ': heartbeat\nid: 7\n\n')(reply);
        setTimeout(() => reply.end(), 20);
      },
      stream(frame(8)),
    );
    const items = await read(5);
    expect(items.map(({ kind }) => kind)).toEqual(['connected', 'event', 'lost', 'connected', 'event']);
    expect(server.seen.map(({ path }) => path)).toEqual(Array(2).fill('/api/v1/events?types=dsops.rotation.'));
    expect(server.seen.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '7']);
  });

  it('takes silence for a dead connection', async () => {
    server.will(stream(': welcome\n\n'), stream(frame(1)));
    const items = await read(4, { silenceMs: 100 });
    expect(items.map(({ kind }) => kind)).toEqual(['connected', 'lost', 'connected', 'event']);
  });

  it('tells of a gap', async () => {
    server.will(stream('event: gap\ndata: {"from":3,"to":"9"}\n\n'));
    expect(await read(2)).toEqual([{ kind: 'connected' }, { kind: 'gap', from: '3', to: '9' }]);
  });

  it('ends when the server answers that there is none for us', async () => {
    server.will(answer(problem({ kind: 'forbidden', code: 'role_missing' }), 403));
    await expect(read(1)).rejects.toMatchObject({ code: 'role_missing' });
  });
});
