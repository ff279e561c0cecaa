import { describe, expect, it } from '@jest/globals';
import { summaryOf } from './report.js';

describe('the summary of the kill test', () => {
  it('praises nothing where no fault was chosen', () => {
    const text = summaryOf({ plain: [], cells: [], random: [], rollbacks: [], leftOut: [] }, 1_000);
    expect(text).toContain('none was chosen, so nothing is proven');
    expect(text).not.toContain('nothing lost');
  });
});
