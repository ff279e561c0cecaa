import { describe, expect, it } from '@jest/globals';
import { DomainError } from '@dsops/kernel';
import { asDomainError, exitCodeOf, interrupted, unknownError, usageError } from './failure.js';
import { refuseSecretArguments } from './secret-arguments.js';

describe('exit codes', () => {
  it.each([
    [usageError('x'), 2],
    [unknownError('x', 'y'), 4],
    [interrupted(), 130],
    [new DomainError('key_unknown', 'unauthenticated', 'x'), 2],
    [new DomainError('target_unreachable', 'unavailable', 'x', { about: 'target' }), 3],
    [new DomainError('admin_refused', 'refused', 'x', { about: 'target' }), 3],
    [new DomainError('missing_right', 'conflict', 'x', { about: 'target' }), 3],
    [new DomainError('entry_missing', 'not_found', 'x', { about: 'store' }), 3],
    [new DomainError('target_reached', 'conflict', 'x'), 5],
    [new DomainError('role_missing', 'forbidden', 'x'), 1],
    [new DomainError('client_outdated', 'conflict', 'x', { about: 'client' }), 2],
    [new DomainError('service_unknown', 'not_found', 'x'), 4],
    [new DomainError('rotation_running', 'conflict', 'x'), 5],
    [new DomainError('guard', 'refused', 'x'), 5],
    [new DomainError('request_invalid', 'invalid', 'x'), 6],
    [new DomainError('too_large', 'too_large', 'x'), 6],
    [new DomainError('internal', 'internal', 'x'), 1],
    [asDomainError(new TypeError('anything')), 1],
  ])('%# follow what it is about, or its kind', (error, code) => expect(exitCodeOf(error)).toBe(code));

  it('never shows the text of an unexpected error', () =>
    expect(asDomainError(new Error('canary')).message).not.toContain('canary'));
});

describe('a secret as an argument', () => {
  it.each([
    ['--password', 'canary'],
    ['--password=canary'],
    ['--admin-password', 'canary'],
    ['--admin-password=canary'],
    ['--new-db-password=canary'],
    ['--api-key', 'canary'],
    ['--token=canary'],
    ['--new-value', 'literal:canary'],
    ['--new-value=literal:canary'],
  ])('is refused without being repeated: %s %s', (...words) => {
    const refused = (() => {
      try {
        refuseSecretArguments(['service', 'add', ...words]);
        return undefined;
      } catch (error) {
        return error as DomainError;
      }
    })();
    expect(refused && exitCodeOf(refused)).toBe(2);
    expect(JSON.stringify([refused?.message, refused?.details])).not.toContain('canary');
  });

  it('is not what names a file or a stream', () =>
    expect(() =>
      refuseSecretArguments(['secret', 'get', '--password-file', 'x', '--admin-password-stdin']),
    ).not.toThrow());
});
