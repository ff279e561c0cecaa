import { describe, expect, it } from '@jest/globals';
import { median, medianRatio, quantile, threeDigits } from './figures.js';

describe('figures', () => {
  it('takes the one in the middle, whatever the order, and halfway between two', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 100])).toBe(3);
    expect(quantile([10, 20, 30], 1)).toBe(30);
  });

  it('takes the ratio within a round, so that a round that was slow as a whole does not count', () => {
    // The second round was ten times slower for both.
    expect(medianRatio([2, 20, 2], [1, 10, 1])).toBe(2);
  });

  it('refuses to say something about nothing', () => {
    expect(() => median([])).toThrow('missing');
    expect(() => median([1, Number.NaN])).toThrow('missing');
    expect(() => medianRatio([1, 2], [1])).toThrow('missing');
  });

  it.each([
    [1234.4, '1234'],
    [99.96, '100.0'],
    [12.34, '12.3'],
    [1.234, '1.23'],
    [0.01234, '0.012'],
    [-37.52, '-37.5'],
  ])('writes %d as %s', (value, text) => expect(threeDigits(value)).toBe(text));
});
