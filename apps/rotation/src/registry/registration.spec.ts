import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { addServiceSchema, type AddService } from '@dsops/contracts/rotation/add-service';
import { isDomainError, newId } from '@dsops/kernel';
import { credentialOf, registrationOf } from './registration.js';

const request = (credential: Partial<AddService['credential']> = {}, rest: Partial<AddService> = {}): AddService =>
  addServiceSchema.parse({
    name: 'payments-db',
    environment: 'production',
    type: 'postgresql',
    target: { host: 'db', database: 'payments' },
    admin: { username: 'admin', password: 'canary-admin' },
    credential: { strategy: 'two-key', slots: ['app_a', 'app_b'], owner: 'app', ...credential },
    ...rest,
  });

function faultsOf(body: AddService): string[] {
  try {
    credentialOf(body, newId());
  } catch (error) {
    if (!isDomainError(error)) throw error;
    expect(error.code).toBe('request_invalid');
    return (error.details.errors as { path: string }[]).map(({ path }) => path);
  }
  return [];
}

describe('a registration', () => {
  it('becomes a credential with its durations in milliseconds', () => {
    const body = request({ gracePeriod: '1h30m', verification: { query: 'select 2', timeout: '250ms' } });
    expect(credentialOf(body, '01JD0000000000000000000004')).toEqual({
      id: '01JD0000000000000000000004',
      name: 'login',
      strategy: 'two-key',
      slots: [
        { name: 'app_a', login: 'app_a' },
        { name: 'app_b', login: 'app_b' },
      ],
      settings: { slots: ['app_a', 'app_b'], owner: 'app' },
      consumers: 'unmanaged',
      gracePeriod: '1h30m',
      gracePeriodMs: 5_400_000,
      maxGrace: '7d',
      maxGraceMs: 604_800_000,
      quietFor: null,
      quietForMs: null,
      verification: { check: { query: 'select 2' }, timeoutMs: 250 },
      isRollbackAutomatic: true,
    });
  });

  it.each<[string, Partial<AddService['credential']>, string]>([
    ['takes consumers for unmanaged, and gives them time to be given the new value', {}, '1h'],
    ['gives managed ones none: they say until when they hold it', { consumers: 'managed' }, '0s'],
    ['gives what was asked for', { gracePeriod: '0s' }, '0s'],
    ['gives none in place', { strategy: 'immediate', slots: ['app'], owner: undefined }, '0s'],
  ])('%s', (_, credential, gracePeriod) =>
    expect(credentialOf(request(credential), newId())).toMatchObject({
      consumers: credential.consumers ?? 'unmanaged',
      gracePeriod,
    }),
  );

  it.each<[string, AddService, string[]]>([
    ['two-key with one slot', request({ slots: ['app_a'] }), ['credential.slots']],
    ['two-key with the same slot twice', request({ slots: ['app_a', 'app_a'] }), ['credential.slots']],
    ['two-key without an owner', request({ owner: undefined }), ['credential.owner']],
    ['a slot as owner', request({ owner: 'app_b' }), ['credential.owner']],
    ['immediate with two slots', request({ strategy: 'immediate', owner: undefined }), ['credential.slots']],
    ['the administrator as slot', request({ slots: ['admin', 'app_b'] }), ['credential.slots']],
    [
      'a current login that is no slot',
      request({}, { current: { username: 'x', password: 'y' } }),
      ['current.username'],
    ],
    ['a grace period that is none', request({ gracePeriod: 'soon' }), ['credential.gracePeriod']],
    ['a grace period of 11,000 years', request({ gracePeriod: '99999999h' }), ['credential.gracePeriod']],
    [
      'a timeout of nothing',
      request({ verification: { query: 'select 1', timeout: '0s' } }),
      ['credential.verification.timeout'],
    ],
    [
      'a timeout of a day',
      request({ verification: { query: 'select 1', timeout: '1d' } }),
      ['credential.verification.timeout'],
    ],
    [
      'several faults',
      request({ slots: ['a'], owner: undefined, gracePeriod: '?' }),
      ['credential.slots', 'credential.owner', 'credential.gracePeriod'],
    ],
  ])('with %s is refused, each fault by its path', (_, body, paths) => {
    expect(faultsOf(body)).toEqual(paths);
  });

  it('shows no password, however it is looked at', () => {
    const registration = registrationOf(request({}, { current: { username: 'app_a', password: 'canary-current' } }));
    expect(inspect(registration, { depth: 9, showHidden: true }) + JSON.stringify(registration)).not.toContain(
      'canary',
    );
  });
});
