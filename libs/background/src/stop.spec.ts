import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LeftUnderWay, Stop } from './stop.js';

describe('a stop', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('waits for what is under way, and for what that begins', async () => {
    const stop = new Stop();
    const log: string[] = [];
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    void stop.track(
      first.promise.then(() => {
        void stop.track(second.promise);
      }),
    );
    void stop.finish().then(() => log.push('finished'));
    first.resolve();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(log).toEqual([]);
    expect(stop.underWay).toBe(1);
    second.resolve();
    await jest.advanceTimersByTimeAsync(0);
    expect(log).toEqual(['finished']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('waits for work that fails, and leaves the fault to its owner', async () => {
    const stop = new Stop();
    const work = stop.track(Promise.reject(new Error('broken')));
    await stop.finish();
    await expect(work).rejects.toThrow('broken');
  });

  it('does not wait longer than its bound', async () => {
    const stop = new Stop();
    void stop.track(new Promise(() => undefined));
    const finishing = expect(stop.finish(500)).rejects.toThrow(LeftUnderWay);
    await jest.advanceTimersByTimeAsync(500);
    await finishing;
  });

  it('ends a pause at once, and is seen by whoever looks at its signal', async () => {
    const stop = new Stop();
    const pause = stop.pause(60_000);
    expect(stop.signal.aborted).toBe(false);
    stop.ask();
    await pause;
    await stop.pause(60_000);
    expect(stop.signal.aborted).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('lets a pause last as long as it should while nobody stops', async () => {
    let over = false;
    void new Stop().pause(100).then(() => (over = true));
    await jest.advanceTimersByTimeAsync(99);
    expect(over).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(over).toBe(true);
  });
});
