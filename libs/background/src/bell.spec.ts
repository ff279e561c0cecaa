import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Bell } from './bell.js';

describe('a bell', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const isOver = async (wait: Promise<void>): Promise<boolean> => {
    let over = false;
    void wait.then(() => (over = true));
    await jest.advanceTimersByTimeAsync(0);
    return over;
  };

  it('ends a wait', async () => {
    const bell = new Bell();
    const wait = bell.wait(60_000);
    expect(await isOver(wait)).toBe(false);
    bell.ring();
    expect(await isOver(wait)).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('keeps a ring that comes between two waits, and several as one', async () => {
    const bell = new Bell();
    bell.ring();
    bell.ring();
    expect(await isOver(bell.wait(60_000))).toBe(true);
    expect(await isOver(bell.wait(60_000))).toBe(false);
  });

  it('lets the wait end by itself when its time is over, and not before', async () => {
    const wait = new Bell().wait(30);
    await jest.advanceTimersByTimeAsync(29);
    expect(await isOver(wait)).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await isOver(wait)).toBe(true);
  });

  it('waits also when the time is longer than a timer can be', async () => {
    expect(await isOver(new Bell().wait(Infinity))).toBe(false);
  });
});
