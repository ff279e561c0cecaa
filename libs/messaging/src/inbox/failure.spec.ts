import { describe, expect, it } from '@jest/globals';
import { consumers } from '@dsops/contracts';
import { DomainError } from '@dsops/kernel';
import { consequenceOf, reasonOf } from './failure.js';

const declaration = { ...consumers.audit, retryDelaysMs: [10, 20] };

describe('a failed attempt', () => {
  it('is followed by the waits of the declaration, then by a dead letter', () => {
    const error = new Error('any');
    expect(consequenceOf(declaration, error, 1)).toEqual({ kind: 'retry', delayMs: 10 });
    expect(consequenceOf(declaration, error, 2)).toEqual({ kind: 'retry', delayMs: 20 });
    expect(consequenceOf(declaration, error, 3)).toEqual({ kind: 'dead', blocks: true });
    expect(consequenceOf({ ...declaration, deadLetter: 'releases' }, error, 3)).toEqual({
      kind: 'dead',
      blocks: false,
    });
  });

  it('is not repeated when the event itself is wrong', () => {
    expect(consequenceOf(declaration, new DomainError('x', 'invalid', 'Wrong.'), 1).kind).toBe('dead');
    expect(consequenceOf(declaration, new DomainError('x', 'unavailable', 'Away.'), 1).kind).toBe('retry');
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
