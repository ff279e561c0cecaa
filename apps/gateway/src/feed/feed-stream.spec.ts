import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { FakeClock } from '@dsops/testing';
import { frameOf, type FeedEvent } from './feed-frames.js';
import { FeedStream } from './feed-stream.js';

/** Holds some 100 bytes before it asks to wait, and gives what it took when it is read. */
const aStream = (bufferLimit = 3) => {
  const sink = new PassThrough({ writableHighWaterMark: 100, readableHighWaterMark: 1 });
  const clock = new FakeClock();
  const filter = { types: undefined, withoutTopic: undefined, principalId: 'someone' };
  const options = { bufferLimit, monotonicMs: () => clock.monotonicMs() };
  return { sink, clock, stream: new FeedStream(sink, filter, 10n, options) };
};
const events = (...positions: number[]) =>
  positions.map((position) => {
    const event: FeedEvent = { position: BigInt(position), topic: 't', type: 'x', onlyFor: null, json: '"0123456789"' };
    return { event, text: frameOf(event) };
  });
const idsIn = (text: string) => [...text.matchAll(/id: (\d+)/g)].map(([, id]) => Number(id));

describe('a live stream', () => {
  it('passes on what is new to it', () => {
    const { sink, stream } = aStream();
    expect(stream.offer(events(9, 10, 11))).toBe(true);
    expect(idsIn(String(sink.read()))).toEqual([11]);
    expect(stream.position).toBe(11n);
  });

  it('keeps what a slow client does not read yet, and sends it in order', async () => {
    const { sink, stream } = aStream();
    expect(stream.offer(events(11, 12, 13, 14, 15))).toBe(true);
    const all = text(sink);
    await once(sink, 'drain');
    sink.end();
    expect(idsIn(await all)).toEqual([11, 12, 13, 14, 15]);
  });

  it('gives its buffer up when too much waits, and knows where to go on', async () => {
    const { sink, stream } = aStream(2);
    expect(stream.offer(events(11, 12, 13, 14, 15, 16, 17, 18))).toBe(false);
    sink.end();
    const sent = idsIn(String(await text(sink)));
    expect(sent).toEqual(sent.map((_, n) => 11 + n));
    expect(stream.position).toBe(BigInt(sent.at(-1)!));
  });

  it('knows for how long nobody has read', async () => {
    const { sink, stream, clock } = aStream(1);
    stream.offer(events(11, 12, 13, 14, 15));
    clock.advance(7_000);
    expect(stream.stalledMs).toBe(7_000);
    const drained = stream.drained();
    sink.resume();
    await drained;
    expect(stream.stalledMs).toBe(0);
  });

  it('says nothing more once it has ended', async () => {
    const { sink, stream } = aStream();
    stream.end();
    stream.offer(events(11));
    stream.beat();
    await stream.send('more');
    sink.resume();
    await once(sink, 'end');
    expect(stream.isClosed).toBe(true);
  });
});
