import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Bell } from './bell.js';
import { DueWorker, type DueWorkerParts } from './due-worker.js';

describe('a worker of due rows', () => {
  let due: string[];
  let begun: string[];
  let ends: Map<string, PromiseWithResolvers<void>>;
  let putOff: [string, number, unknown][];
  let faults: unknown[];
  let bell: Bell;
  let worker: DueWorker<string>;

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    [due, begun, putOff, faults] = [[], [], [], []];
    ends = new Map();
    bell = new Bell();
  });
  afterEach(() => void jest.useRealTimers());

  function start(parts: Partial<DueWorkerParts<string>> = {}): void {
    worker = new DueWorker({
      claim: async () => due.shift() ?? null,
      keyOf: (key) => key,
      work: (key) => {
        begun.push(key);
        const end = Promise.withResolvers<void>();
        ends.set(key, end);
        return end.promise;
      },
      putOff: async (...off) => void putOff.push(off),
      concurrency: 2,
      lookEveryMs: 60_000,
      bell,
      onFault: (error) => faults.push(error),
      ...parts,
    });
    worker.start();
  }
  const settle = () => jest.advanceTimersByTimeAsync(0);

  it('does as many at a time as it may, and the next as soon as one is over', async () => {
    due = ['a', 'b', 'c', 'd'];
    start();
    await settle();
    expect(begun).toEqual(['a', 'b']);
    ends.get('b')!.resolve();
    await settle();
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('looks when it is rung, and by itself now and then', async () => {
    start();
    await settle();
    due = ['a'];
    await settle();
    expect(begun).toEqual([]);
    bell.ring();
    await settle();
    expect(begun).toEqual(['a']);
    due = ['b'];
    await jest.advanceTimersByTimeAsync(60_000);
    expect(begun).toEqual(['a', 'b']);
  });

  it('puts off what throws, longer each time in a row, and goes on with the rest', async () => {
    const broken = new Error('broken');
    const fail = async (key: string) => {
      due.push(key);
      bell.ring();
      await settle();
      ends.get(key)!.reject(broken);
      await settle();
    };
    start({ backOff: { firstMs: 1_000, longestMs: 3_000 } });
    for (let times = 0; times < 3; times += 1) await fail('a');
    await fail('b');
    due.push('a');
    bell.ring();
    await settle();
    ends.get('a')!.resolve();
    await settle();
    await fail('a');
    expect(putOff).toEqual([
      ['a', 1_000, broken],
      ['a', 2_000, broken],
      ['a', 3_000, broken],
      ['b', 1_000, broken],
      ['a', 1_000, broken],
    ]);
    expect(faults).toEqual([]);
  });

  it('tells when the database answers neither a claim nor a putting off, and goes on', async () => {
    const gone = new Error('the database is gone');
    let isGone = true;
    due = ['a'];
    start({
      claim: async () => {
        if (isGone) throw gone;
        return due.shift() ?? null;
      },
      putOff: () => Promise.reject(gone),
    });
    await settle();
    isGone = false;
    bell.ring();
    await settle();
    ends.get('a')!.reject(new Error('broken'));
    due = ['b'];
    await settle();
    expect(begun).toEqual(['a', 'b']);
    expect(faults).toEqual([gone, gone]);
  });

  it('has what a claim brings after the stop was asked let go at once', async () => {
    const claiming = Promise.withResolvers<string | null>();
    const wasStopping: boolean[] = [];
    start({ claim: () => claiming.promise, work: async (_, stopping) => void wasStopping.push(stopping.aborted) });
    const stopped = worker.stop();
    claiming.resolve('a');
    await stopped;
    expect(wasStopping).toEqual([true]);
  });

  it('tells the work that it has to stop, waits for it, and begins nothing any more', async () => {
    const log: string[] = [];
    due = ['a'];
    start({
      work: (key, stopping) =>
        new Promise((done) => {
          log.push(`began ${key}`);
          stopping.addEventListener('abort', () => setTimeout(() => done(void log.push(`let go of ${key}`)), 1_000));
        }),
    });
    await settle();
    due = ['b'];
    const stopped = worker.stop().then(() => log.push('stopped'));
    bell.ring();
    await jest.advanceTimersByTimeAsync(1_000);
    await stopped;
    bell.ring();
    await jest.advanceTimersByTimeAsync(120_000);
    expect(log).toEqual(['began a', 'let go of a', 'stopped']);
  });
});
