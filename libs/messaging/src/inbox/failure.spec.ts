import { describe, expect, it } from '@jest/globals';
import { consumers } from '@dsops/contracts/consumers';
import { retryPolicies, type RetryPolicy } from '@dsops/contracts/retry-policy';
import { DomainError } from '@dsops/kernel';
import { consequenceOf, reasonOf } from './failure.js';

const declaration = { ...consumers.audit, retryDelaysMs: [10, 20] };

/** The waits in seconds until the dead letter. */
function fate(retries: RetryPolicy | undefined): (number | 'dead')[] {
  const waits: (number | 'dead')[] = [];
  while (waits.at(-1) !== 'dead') {
    const consequence = consequenceOf(declaration, retries, new Error('any'), waits.length + 1);
    waits.push(consequence.kind === 'retry' ? consequence.delayMs / 1_000 : 'dead');
  }
  return waits;
}

describe('a failed attempt', () => {
  it.each([
    ['completion', [30, 300, 1_800, 'dead'], 30],
    ['reminder', [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 'dead'], 7],
    ['update', [1, 2, 4, 8, 16, 'dead'], 14],
  ] as const)('of a type with the policy %s is followed by its waits in seconds', (name, waits, keptDays) => {
    expect(fate(retryPolicies[name])).toEqual(waits);
    expect(retryPolicies[name].keepLettersDays).toBe(keptDays);
  });

  it('is followed by the waits of the declaration, then by a dead letter', () => {
    const error = new Error('any');
    expect(consequenceOf(declaration, undefined, error, 1)).toEqual({ kind: 'retry', delayMs: 10 });
    expect(consequenceOf(declaration, undefined, error, 2)).toEqual({ kind: 'retry', delayMs: 20 });
    expect(consequenceOf(declaration, undefined, error, 3)).toEqual({ kind: 'dead', blocks: true });
    expect(consequenceOf({ ...declaration, deadLetter: 'releases' }, undefined, error, 3)).toEqual({
      kind: 'dead',
      blocks: false,
    });
  });

  it('is not repeated when the event itself is wrong', () => {
    expect(consequenceOf(declaration, undefined, new DomainError('x', 'invalid', 'Wrong.'), 1).kind).toBe('dead');
    expect(consequenceOf(declaration, undefined, new DomainError('x', 'unavailable', 'Away.'), 1).kind).toBe('retry');
  });

  it('is explained without quoting errors that are not ours', () => {
    expect(reasonOf(new Error('password "hunter2" refused'))).toBe('The handler failed with Error.');
    expect(reasonOf(Object.assign(new Error('hunter2'), { code: 'P2002' }))).toBe(
      'The handler failed with Error P2002.',
    );
    expect(reasonOf('hunter2')).toBe('The handler threw something that is no error.');
    expect(reasonOf(new DomainError('too_late', 'conflict', 'It is too late.'))).toBe('It is too late. (too_late)');
  });
});
