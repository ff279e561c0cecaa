import { describe, expect, it } from '@jest/globals';
import { look, overAt } from './clock-watch.js';

describe('the watch over the clock of the database', () => {
  it('takes drift and a clock that is set back for what they are', () => {
    let watch = look(null, 0, 0);
    watch = look(watch, 59_999, 0);
    watch = look(watch, 10_000, 5_000);
    expect(watch.jumps).toEqual([]);
  });

  it('notices a clock that is set a minute or more ahead, by what the process itself measured', () => {
    const watch = look(look(null, 0, 0), 65_000, 5_000);
    expect(watch.jumps).toEqual([{ atMs: 65_000, aheadMs: 60_000 }]);
  });

  it('lets waits last longer by the jumps that lie in them', () => {
    const jumps = [
      { atMs: 200_000, aheadMs: 100_000 },
      { atMs: 400_000, aheadMs: 60_000 },
    ];
    expect(overAt(90_000, 150_000, jumps)).toBe(250_000);
    expect(overAt(90_000, 350_000, jumps)).toBe(510_000);
    expect(overAt(300_000, 310_000, jumps)).toBe(310_000);
    expect(overAt(0, 50_000, jumps)).toBe(50_000);
  });

  it('counts a jump also for what began before the clock had been set back, whatever time that shows', () => {
    // At 100,000 somebody gets a value for 2 s; then the clock goes back by 90 s, and ahead by 500 s.
    const { jumps } = look(look(look(null, 100_000, 0), 10_000, 0), 510_000, 0);
    expect(overAt(100_000, 102_000, jumps)).toBe(602_000);
  });
});
