import { expect, it } from '@jest/globals';
import { isReversible } from './way-back.js';

const ref = { id: 'v', name: 'v', slot: 'a', login: 'a' };

it('there is a way back where the old value lives on, or can be set again', () => {
  const facts = { refusesOldValues: true } as never;
  expect(isReversible({ shape: 'side-by-side', oldVersion: ref, facts })).toBe(true);
  expect(isReversible({ shape: 'in-place', oldVersion: ref, facts })).toBe(false);
  expect(isReversible({ shape: 'side-by-side', oldVersion: null, facts })).toBe(false);
});
