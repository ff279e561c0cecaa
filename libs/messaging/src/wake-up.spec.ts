import { describe, expect, it } from '@jest/globals';
import { WakeUp } from './wake-up.js';

describe('a wake-up', () => {
  it('ends a wait, remembers a ring while nobody waits, and only one', async () => {
    const bell = new WakeUp();
    bell.ring();
    bell.ring();
    await bell.wait(60_000);
    const second = bell.wait(60_000);
    bell.ring();
    await second;
    const startedMs = performance.now();
    await bell.wait(30);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(25);
  });
});
