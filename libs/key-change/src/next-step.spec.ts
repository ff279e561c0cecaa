import { describe, expect, it } from '@jest/globals';
import { nextStep, type Found } from './next-step.js';

const [A, B, C] = ['aaaa', 'bbbb', 'cccc'];
const found = (changes: Partial<Found>): Found => ({
  keyId: A,
  nextKeyId: null,
  current: A,
  next: null,
  kept: [],
  sealedUnderNext: 0,
  ...changes,
});

describe('the next step of a change from A to B', () => {
  it.each<[string, Partial<Found>, unknown]>([
    ['begins where nothing has happened', {}, { is: 'begin', setAside: false }],
    ['takes a .next that the database does not name for nothing', { next: B }, { is: 'begin', setAside: true }],
    ['seals what is left once it has begun', { nextKeyId: B, next: B }, { is: 'reseal' }],
    ['and so when all of it is sealed', { nextKeyId: B, next: B, sealedUnderNext: 9 }, { is: 'reseal' }],
    ['installs the key file once the database is under B', { keyId: B, next: B }, { is: 'install' }],
    ['and so with the copy of A made already', { keyId: B, next: B, kept: [A] }, { is: 'install' }],
    ['and so with two files of B', { keyId: B, current: B, next: B }, { is: 'install' }],
    ['and so without any key file', { keyId: B, current: null, next: B }, { is: 'install' }],
    ['is over with B in the key file', { keyId: B, current: B, kept: [A] }, { is: 'begin', setAside: false }],
    [
      'goes on when the database forgot its end',
      { nextKeyId: B, current: B, kept: [A], sealedUnderNext: 3 },
      { is: 'reseal' },
    ],
    ['gives a key up that is gone and sealed nothing', { nextKeyId: B }, { is: 'withdraw' }],
    ['and so with a stranger in its place', { nextKeyId: B, next: C }, { is: 'withdraw' }],
  ])('%s', (_, changes, step) => {
    expect(nextStep(found(changes))).toEqual(step);
  });

  const missing = (keyId: string, place: string) => ({ is: 'missing', keyId, place });
  it.each<[string, Partial<Found>, unknown]>([
    ['B, which seals values already', { nextKeyId: B, sealedUnderNext: 1 }, missing(B, '.next')],
    ['B, which a stranger replaced', { nextKeyId: B, next: C, sealedUnderNext: 1 }, missing(B, '.next')],
    ['B, which was taken for a former key', { nextKeyId: B, kept: [B], sealedUnderNext: 1 }, missing(B, '.next')],
    ['A while values are under it', { nextKeyId: B, current: B, next: B }, missing(A, 'key file')],
    ['A under a stranger', { current: C }, missing(A, 'key file')],
    ['A of a backup from before a change', { current: B, kept: [A] }, missing(A, 'key file')],
    ['A when there is no key file', { current: null }, missing(A, 'key file')],
    ['A and B, and begins nothing new', { nextKeyId: B, current: C, kept: [A] }, missing(A, 'key file')],
  ])('asks for %s', (_, changes, step) => {
    expect(nextStep(found(changes))).toEqual(step);
  });
});
