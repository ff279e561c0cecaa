import { describe, expect, it } from '@jest/globals';
import { whatToShow } from './what-to-show.js';

const settled = { successes: 1, needsOperator: false, hasFinishedOne: false, isDemo: false };

describe('the sample', () => {
  it('rotates at the first start, and not again at the next', () => {
    expect(whatToShow({ ...settled, successes: 0 })).toBe('rotate');
    expect(whatToShow(settled)).toBe('tell');
  });

  it('rotates each time that a demonstration is asked for', () => {
    expect(whatToShow({ ...settled, isDemo: true })).toBe('rotate');
    expect(whatToShow({ ...settled, successes: 9, isDemo: true })).toBe('rotate');
  });

  it('has shown a rotation when it brought one to its end', () => {
    expect(whatToShow({ ...settled, hasFinishedOne: true })).toBe('nothing');
    expect(whatToShow({ ...settled, hasFinishedOne: true, isDemo: true })).toBe('nothing');
  });

  it('rotates nothing that waits for a person, and says so', () => {
    expect(whatToShow({ ...settled, needsOperator: true, isDemo: true })).toBe('tell');
    expect(whatToShow({ ...settled, successes: 0, needsOperator: true })).toBe('tell');
  });
});
