import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { envelopeSchema, type EventEnvelope } from '@dsops/contracts/envelope';
import { createApiKey, listApiKeys, revokeApiKey } from '@dsops/contracts/gateway/api';
import { markAllRead } from '@dsops/contracts/notification/api';
import type { Clock } from '@dsops/kernel';
import { FeedPruning } from '../src/feed/feed-pruning.service.js';
import { FeedReader } from './feed-reader.js';
import { asProblem, eventually, startTestGateway, type TestGateway } from './gateway-fixture.js';

/** Runs as the machine's does, and can be moved ahead. */
const clock = new (class implements Clock {
  private aheadMs = 0;
  now = () => new Date();
  monotonicMs = () => performance.now() + this.aheadMs;
  advance = (ms: number) => void (this.aheadMs += ms);
})();

describe('the feed', () => {
  let gateway: TestGateway;
  const readers: { close(): void }[] = [];
  beforeAll(async () => {
    gateway = await startTestGateway({ clock, tuning: { feedHeartbeatMs: 100, feedKeepEvents: 1_000 } });
  });
  afterEach(() => readers.splice(0).forEach((reader) => reader.close()));
  afterAll(() => gateway.close());

  const follow = async (options: Parameters<typeof FeedReader.open>[2] = {}, key = gateway.adminKey) => {
    const reader = await FeedReader.open(gateway.url, key, options);
    readers.push(reader);
    return reader;
  };
  const head = async () => {
    const { rows } = await gateway.sql.query<{ position: string }>('select position from gateway.feed_counter');
    return Number(rows[0]!.position);
  };
  /** Appends as the consumer does, with bodies of this size. */
  const append = async (
    count: number,
    {
      bytes = 10,
      type = 'dsops.rotation.rotation.started.v1',
      topic = 'rotation-events',
      onlyFor = null as string | null,
    } = {},
  ) => {
    await gateway.sql.query('begin');
    const { rows } = await gateway.sql.query<{ last: string }>(
      'update gateway.feed_counter set position = position + $1 returning position as last',
      [count],
    );
    const last = Number(rows[0]!.last);
    await gateway.sql.query(
      `insert into gateway.feed (position, topic, type, only_for, event, at)
       select n, $3, $4, $6, json_build_object('filler', repeat('x', $5)), now() from generate_series($1::int, $2::int) n`,
      [last - count + 1, last, topic, type, bytes, onlyFor],
    );
    await gateway.sql.query('commit');
    return last;
  };
  /** Whatever was asked before has reached the feed. */
  const settled = () =>
    eventually(async () => {
      const { rows } = await gateway.sql.query(
        `select (select count(*) from gateway.open_requests) as open,
                (select count(*) from gateway.outbox) - (select count(*) from gateway.processed_events where consumer = 'feed') as missing`,
      );
      expect(rows).toEqual([{ open: '0', missing: '0' }]);
    });

  it('tells of an event within moments, as an envelope at its place', async () => {
    const reader = await follow();
    const { id } = await gateway.keyOf('viewer');
    const message = await eventually(() => {
      const found = reader.messages.find(({ data }) => (data as EventEnvelope).partitionkey === id);
      expect(found).toBeDefined();
      return found!;
    });
    expect(message).toMatchObject({ event: 'dsops.gateway.principal.created.v1', id: expect.stringMatching(/^\d+$/) });
    expect(envelopeSchema.parse(message.data)).toMatchObject({ type: message.event, subject: `api_key/${id}` });
    expect(reader.raw).toMatch(/^retry: 2000\n/);
  });

  it('goes on where a client stopped, without losing or repeating', async () => {
    await settled();
    const start = await head();
    await append(450);
    const reader = await follow({ after: start });
    await eventually(() => expect(reader.positions()).toHaveLength(450));
    await append(3);
    await eventually(() => expect(reader.positions()).toHaveLength(453));
    expect(reader.positions()).toEqual(Array.from({ length: 453 }, (_, n) => start + 1 + n));
    expect(reader.gaps()).toEqual([]);
  });

  it('loses nothing at the turn from catching up to live, while events pour in', async () => {
    await settled();
    const start = await head();
    await append(300);
    const opened: FeedReader[] = [];
    for (let round = 0; round < 20; round++) {
      opened.push(await follow({ after: start }));
      await append(7);
    }
    const expected = Array.from({ length: 440 }, (_, n) => start + 1 + n);
    await eventually(() => opened.forEach((reader) => expect(reader.positions()).toEqual(expected)));
  });

  it('shows only what was asked for, and moves the place to resume past the rest', async () => {
    await settled();
    const reader = await follow({ types: 'dsops.notification.,dsops.rotation.rotation.completed.v1' });
    await append(2);
    await append(1, { type: 'dsops.rotation.rotation.completed.v1' });
    const last = await append(2);
    await eventually(() => expect(reader.raw).toContain(`: still here\nid: ${last}\n\n`));
    expect(reader.positions()).toEqual([last - 2]);
  });

  it('shows who asked for what to admins only', async () => {
    await settled();
    const { key } = await gateway.keyOf('operator');
    const mine = await follow({ types: 'dsops.gateway.' }, key);
    const reader = await follow({ types: 'dsops.gateway.' });
    const live = await follow({}, key);
    await gateway.call(markAllRead);
    await eventually(() =>
      expect(
        reader.messages.some(
          ({ data }) => (data as EventEnvelope<{ operation?: string }>).data.operation === 'markAllRead',
        ),
      ).toBe(true),
    );
    const last = await append(1);
    await eventually(() => expect(live.positions()).toEqual([last]));
    expect(mine.messages).toEqual([]);
    const resumed = await follow({ after: 0 }, key);
    await eventually(() => expect(resumed.positions()).toContain(last));
    expect(resumed.messages.filter(({ event }) => event.startsWith('dsops.gateway'))).toEqual([]);
  });

  it("shows nobody another one's inbox", async () => {
    await settled();
    const { id, key } = await gateway.keyOf('viewer');
    const start = await head();
    const live = [await follow({}, key), await follow()];
    const hidden = await append(1, { topic: 'notification-events', onlyFor: id });
    const next = await append(1);
    const resumed = [await follow({ after: start }, key), await follow({ after: start })];
    for (const [mine, others] of [live, resumed]) {
      await eventually(() => expect(mine!.positions()).toEqual(expect.arrayContaining([hidden, next])));
      await eventually(() => expect(others!.positions()).toContain(next));
      expect(others!.positions()).not.toContain(hidden);
    }
  });

  it('tells which places are pruned', async () => {
    const last = await append(1_500);
    expect(await gateway.service.app.get(FeedPruning, { strict: false }).prune()).toBeGreaterThan(0);
    const reader = await follow({ after: 3 });
    await eventually(() => expect(reader.positions().at(-1)).toBe(last));
    expect(reader.gaps()).toEqual([{ from: 4, to: last - 1_000 }]);
    expect(reader.positions()).toHaveLength(1_000);
    expect(reader.messages[0]).toMatchObject({ event: 'gap', id: String(last - 1_000) });
  });

  it('is pruned by age', async () => {
    const last = await append(5);
    await gateway.sql.query("update gateway.feed set at = now() - interval '8 days' where position <= $1", [last - 2]);
    await gateway.service.app.get(FeedPruning, { strict: false }).prune();
    const { rows } = await gateway.sql.query<{ count: string }>('select count(*) from gateway.feed');
    expect(rows[0]!.count).toBe('2');
  });

  it('tells a client that followed another feed, and goes on', async () => {
    await settled();
    const now = await head();
    const reader = await follow({ after: now + 500 });
    await eventually(() => expect(reader.gaps()).toEqual([{ from: now + 1, to: now + 500 }]));
    expect(reader.messages[0]!.id).toBe(String(now));
    const last = await append(1);
    await eventually(() => expect(reader.positions()).toEqual([last]));
  });

  it('ends when the key is gone and no event says so', async () => {
    const { id, key } = await gateway.keyOf('viewer');
    const reader = await follow({}, key);
    await gateway.sql.query('update gateway.api_keys set revoked_at = now() where id = $1', [id]);
    await eventually(() => expect(reader.hasEnded).toBe(true));
  });

  it('asks for a key, a right place, a known type and a recent client', async () => {
    const open = (path: string, headers: Record<string, string> = {}, key = gateway.adminKey) =>
      gateway.fetch(`/api/v1/events${path}`, { headers: { authorization: `Bearer ${key}`, ...headers } });
    expect(asProblem(await open('', {}, 'no')).status).toBe(401);
    expect(asProblem(await open('', { 'last-event-id': 'seven' })).status).toBe(400);
    expect(asProblem(await open('?types=dsops.weather.')).status).toBe(400);
    expect(asProblem(await open('', { 'dsops-client': 'cli/0.0.1' })).code).toBe('client_outdated');
  });

  it('bounds the streams of one key', async () => {
    const { key } = await gateway.keyOf('viewer');
    for (let count = 0; count < 20; count++) await follow({}, key);
    const reply = await gateway.fetch('/api/v1/events', { headers: { authorization: `Bearer ${key}` } });
    expect(asProblem(reply)).toMatchObject({ status: 429, code: 'streams_exhausted' });
    await follow();
  });

  describe('and a client that does not read', () => {
    // More than the sockets of both sides and the buffer of the stream hold together.
    const FLOOD = { events: 400, bytes: 60_000 };
    const stuckSince = async (position: number) => {
      const stuck = await rawStream(gateway, { 'last-event-id': String(position) });
      stuck.pause();
      const chunks: Buffer[] = [];
      stuck.on('data', (chunk: Buffer) => chunks.push(chunk));
      readers.push({ close: () => stuck.destroy() });
      const whole = /^id: (\d+)\nevent: .*\ndata: .*\n\n/gm;
      const positions = () => [...Buffer.concat(chunks).toString('latin1').matchAll(whole)].map(([, id]) => Number(id));
      return { stuck, bytes: () => stuck.bytesRead, positions };
    };

    it('delays no other, and loses nothing', async () => {
      await settled();
      const start = await head();
      const { stuck, bytes, positions } = await stuckSince(start);
      const reader = await follow({ after: start });
      const last = await append(FLOOD.events, FLOOD);
      const expected = Array.from({ length: FLOOD.events }, (_, n) => start + 1 + n);
      await eventually(() => expect(reader.positions()).toEqual(expected));
      expect(positions()).toEqual([]);
      stuck.resume();
      await eventually(() => expect(bytes()).toBeGreaterThan(FLOOD.events * FLOOD.bytes));
      await eventually(() => expect(positions().at(-1)).toBe(last));
      expect(positions()).toEqual(expected);
    });

    it('is sent away after a while, and can go on where it was', async () => {
      await settled();
      const start = await head();
      const { stuck, positions } = await stuckSince(start);
      const last = await append(FLOOD.events, FLOOD);
      const reader = await follow({ after: start });
      await eventually(() => expect(reader.positions()).toHaveLength(FLOOD.events));
      clock.advance(70_000);
      const watch = await follow();
      await eventually(() => expect(watch.raw.split(': still here').length).toBeGreaterThan(2));
      const gone = new Promise((done) => stuck.once('close', done));
      stuck.resume();
      await gone;
      const got = positions();
      expect(got.at(-1)).toBeLessThan(last);
      const again = await follow({ after: got.at(-1)! });
      await eventually(() => expect(again.positions().at(-1)).toBe(last));
      expect([...got, ...again.positions()]).toEqual(Array.from({ length: FLOOD.events }, (_, n) => start + 1 + n));
    });
  });
});

describe('a gateway between two heartbeats', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway();
  });

  it('ends the streams of a key that is revoked', async () => {
    const { id, key } = await gateway.keyOf('viewer');
    const reader = await FeedReader.open(gateway.url, key);
    const other = await FeedReader.open(gateway.url, gateway.adminKey);
    await gateway.call(revokeApiKey, { params: { keyId: id } });
    await eventually(() => expect(reader.hasEnded).toBe(true));
    expect(other.hasEnded).toBe(false);
    other.close();
  });

  it('ends every stream when it stops, also of clients that do not read, and soon', async () => {
    const reader = await FeedReader.open(gateway.url, gateway.adminKey);
    const stuck = await rawStream(gateway);
    stuck.pause();
    await gateway.call(createApiKey, { body: { name: 'x', role: 'viewer' } });
    expect((await gateway.call(listApiKeys)).status).toBe(200);
    const startedMs = performance.now();
    await gateway.close();
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    await eventually(() => expect(reader.hasEnded).toBe(true));
    stuck.destroy();
  });
});

/** A stream over a bare socket, so that a test decides when it is read. */
async function rawStream({ url, adminKey }: TestGateway, headers: Record<string, string> = {}): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  const sent = { host: 'x', authorization: `Bearer ${adminKey}`, ...headers };
  const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET /api/v1/events HTTP/1.1\r\n${lines.join('')}\r\n`);
  let text = '';
  const collect = (chunk: Buffer) => (text += chunk.toString('latin1'));
  socket.on('data', collect);
  await eventually(() => expect(text).toContain(': welcome'));
  socket.off('data', collect);
  return socket;
}
