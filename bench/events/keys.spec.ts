import { describe, expect, it } from '@jest/globals';
import { hotKey, skewedKeys } from './keys.js';

describe('keys', () => {
  it('draws the first of skewed keys most often, and every one of them', () => {
    const draw = skewedKeys(200);
    const times = new Map<string, number>();
    const draws = 100_000;
    for (let nth = 0; nth < draws; nth += 1) {
      const key = draw(nth / draws);
      times.set(key, (times.get(key) ?? 0) + 1);
    }
    expect(times.size).toBe(200);
    const share = (key: string) => (times.get(key) ?? 0) / draws;
    expect(share('key-0') / share('key-1')).toBeCloseTo(2, 1);
    expect(share('key-0') / share('key-9')).toBeCloseTo(10, 0);
  });

  it('draws one hot key', () => expect([hotKey(0), hotKey(0.99)]).toEqual(['key-0', 'key-0']));
});
