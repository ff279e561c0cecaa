import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ProgressTeller, type ToolProgress } from './progress.js';

describe('progress of long work', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('is told at each step and once a second, with an estimate as soon as one makes sense', () => {
    const told: ToolProgress[] = [];
    const teller = new ProgressTeller('dapr', (progress) => told.push(progress));
    teller.begin('fetching');
    jest.advanceTimersByTime(10_000);
    expect(told).toHaveLength(11);
    expect(told.at(-1)).toMatchObject({ step: 'fetching', elapsedMs: 10_000, fraction: null, remainingMs: null });

    teller.begin('building');
    teller.reach(0.01);
    jest.advanceTimersByTime(10_000);
    expect(told.at(-1)).toMatchObject({ step: 'building', elapsedMs: 20_000, remainingMs: null });
    teller.reach(0.25);
    jest.advanceTimersByTime(10_000);
    // A quarter of the step took 20 seconds, so the rest may take 60.
    expect(told.at(-1)).toMatchObject({ elapsedMs: 30_000, fraction: 0.25, remainingMs: 60_000 });

    teller.stop();
    jest.advanceTimersByTime(5_000);
    expect(told.at(-1)?.elapsedMs).toBe(30_000);
  });
});
