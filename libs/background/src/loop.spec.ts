import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Bell } from './bell.js';
import { Loop, type LoopParts } from './loop.js';
import { LeftUnderWay } from './stop.js';

describe('a loop', () => {
  let loop: Loop;
  let atMs: number[];
  let faults: unknown[];

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    atMs = [];
    faults = [];
  });
  afterEach(() => void jest.useRealTimers());

  /** Answers of the work, round after round; the last one is for all that follow. */
  function run(answers: readonly (number | Error)[], parts: Partial<LoopParts> = {}): void {
    loop = new Loop({
      work: async () => {
        const answer = answers[Math.min(atMs.length, answers.length - 1)]!;
        atMs.push(Date.now());
        if (answer instanceof Error) throw answer;
        return answer;
      },
      onFault: (error) => faults.push(error),
      ...parts,
    });
    loop.start();
  }

  it('goes on at once while there may be more, and then waits for its next look', async () => {
    run([0, 0, 1_000]);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(atMs).toEqual([0, 0, 0, 1_000, 2_000]);
    await loop.stop();
  });

  it('looks when it is rung, also by others', async () => {
    const bell = new Bell();
    run([60_000], { bell });
    await jest.advanceTimersByTimeAsync(10);
    bell.ring();
    await jest.advanceTimersByTimeAsync(10);
    loop.ring();
    await jest.advanceTimersByTimeAsync(10);
    expect(atMs).toEqual([0, 10, 20]);
    await loop.stop();
  });

  it('looks once more for a ring that came while it worked', async () => {
    const work = Promise.withResolvers<void>();
    let rounds = 0;
    loop = new Loop({
      work: async () => {
        rounds += 1;
        await work.promise;
        return 60_000;
      },
      onFault: (error) => faults.push(error),
    });
    loop.start();
    loop.ring();
    work.resolve();
    await jest.advanceTimersByTimeAsync(10);
    expect(rounds).toBe(2);
    await loop.stop();
  });

  it('survives faults, tells of each, and pauses longer after each in a row', async () => {
    const broken = new Error('the database is gone');
    run([broken, broken, broken, 60_000, broken, 60_000], { backOff: { firstMs: 100, longestMs: 250 } });
    await jest.advanceTimersByTimeAsync(100 + 200 + 250);
    expect(atMs).toEqual([0, 100, 300, 550]);
    loop.ring();
    await jest.advanceTimersByTimeAsync(100);
    expect(atMs.slice(4)).toEqual([550, 650]);
    expect(faults).toEqual([broken, broken, broken, broken]);
    await loop.stop();
  });

  it('ends its wait when it is stopped, and works no more', async () => {
    run([60_000]);
    await jest.advanceTimersByTimeAsync(10);
    await loop.stop();
    loop.ring();
    await jest.advanceTimersByTimeAsync(120_000);
    expect(atMs).toEqual([0]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('finishes the round under way before it has stopped, and has a last one where that is wanted', async () => {
    for (const hasLastRound of [false, true]) {
      const work = Promise.withResolvers<void>();
      const log: string[] = [];
      loop = new Loop({
        work: async () => {
          await work.promise;
          log.push('worked');
          return 0;
        },
        onFault: (error) => faults.push(error),
        hasLastRound,
      });
      loop.start();
      const stopping = loop.stop().then(() => log.push('stopped'));
      await jest.advanceTimersByTimeAsync(10);
      expect(log).toEqual([]);
      work.resolve();
      await stopping;
      expect(log).toEqual(hasLastRound ? ['worked', 'worked', 'stopped'] : ['worked', 'stopped']);
    }
  });

  it('is waited for no longer than the bound, and says so', async () => {
    loop = new Loop({ work: () => new Promise(() => undefined), onFault: (error) => faults.push(error) });
    loop.start();
    const stopping = loop.stop(5_000);
    await jest.advanceTimersByTimeAsync(5_000);
    await stopping;
    expect(faults).toEqual([expect.any(LeftUnderWay)]);
  });
});
