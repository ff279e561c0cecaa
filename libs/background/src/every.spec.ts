import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Every, type EveryParts } from './every.js';

describe('a pass every minute', () => {
  let begunAtMs: number[];
  let faults: unknown[];

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    begunAtMs = [];
    faults = [];
  });
  afterEach(() => void jest.useRealTimers());

  function start(pass: EveryParts['pass'] = async () => undefined, first: EveryParts['first'] = 'at-start'): Every {
    const every = new Every({
      everyMs: 60_000,
      first,
      pass: async (stopping) => {
        begunAtMs.push(Date.now());
        await pass(stopping);
      },
      onFault: (error) => faults.push(error),
    });
    every.start();
    return every;
  }

  it('is made at the start or not, and then every minute', async () => {
    start(undefined, 'at-start');
    await jest.advanceTimersByTimeAsync(120_000);
    expect(begunAtMs).toEqual([0, 60_000, 120_000]);
    begunAtMs = [];
    jest.useFakeTimers({ now: 0 });
    start(undefined, 'after-interval');
    await jest.advanceTimersByTimeAsync(120_000);
    expect(begunAtMs).toEqual([60_000, 120_000]);
  });

  it('is never made twice at a time', async () => {
    const slow = Promise.withResolvers<void>();
    start(() => slow.promise);
    await jest.advanceTimersByTimeAsync(150_000);
    expect(begunAtMs).toEqual([0]);
    slow.resolve();
    await jest.advanceTimersByTimeAsync(30_000);
    expect(begunAtMs).toEqual([0, 180_000]);
  });

  it('is made again after one that failed', async () => {
    const broken = new Error('the database is gone');
    start(() => Promise.reject(broken));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(faults).toEqual([broken, broken]);
  });

  it('is finished before the stop is over, hears of it, and is the last one', async () => {
    const log: string[] = [];
    const every = start(
      (stopping) => new Promise((done) => stopping.addEventListener('abort', () => setTimeout(done, 1_000))),
    );
    const stopped = every.stop().then(() => log.push('stopped'));
    await jest.advanceTimersByTimeAsync(999);
    expect(log).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    await stopped;
    every.start();
    await jest.advanceTimersByTimeAsync(120_000);
    expect(begunAtMs).toEqual([0]);
  });

  it('is never made when the stop comes before the start', async () => {
    const every = new Every({
      everyMs: 60_000,
      first: 'at-start',
      pass: async () => void begunAtMs.push(Date.now()),
      onFault: (error) => faults.push(error),
    });
    await every.stop();
    every.start();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(begunAtMs).toEqual([]);
  });

  it('keeps no process alive', () => {
    jest.useRealTimers();
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const every = start();
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout')).toHaveLength(before);
    return every.stop();
  });
});
