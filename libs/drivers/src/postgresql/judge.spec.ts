import { describe, expect, it } from '@jest/globals';
import { Secret } from '@dsops/kernel';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { outcomeOf, sessionError } from './answers.js';
import type { ConnectionFailure } from './failure.js';
import { judge } from './judge.js';

const target: PostgresqlTarget = { host: 'db', port: 5432, database: 'shop', sslMode: 'disable' };
const login = { username: 'shop_a', password: new Secret('x') };
const answer = (sqlState: string, routine: string | null = null, isPlainError = false): ConnectionFailure => ({
  kind: 'answer',
  sqlState,
  routine,
  isPlainError,
});
const verdict = (at: 'login' | 'verification', failure: ConnectionFailure) => {
  const { verdict, refusedBy } = judge({ at, failure }, target, login);
  return refusedBy === undefined ? verdict : `${verdict} by ${refusedBy}`;
};

describe('What the answer to a login says about the value', () => {
  it.each<[string, ConnectionFailure, string]>([
    ['the password is wrong', answer('28P01', 'auth_failed'), 'refused by authentication'],
    ['pg_hba.conf has no line for it', answer('28000', 'ClientAuthentication'), 'errored'],
    ['pg_hba.conf rejects it', answer('28000', 'auth_failed'), 'errored'],
    ['a pooler says 28000', answer('28000'), 'errored'],
    ['the password is right, the role may not log in', answer('28000', 'InitializeSessionUserId'), 'inconclusive'],
    ['the role may not connect to the database', answer('42501', 'CheckMyDatabase'), 'refused by verification'],
    ['there is no such database', answer('3D000'), 'errored'],
    ['too many connections', answer('53300'), 'errored'],
    ['the server starts', answer('57P03'), 'errored'],
    ['the server stops', answer('57P01'), 'errored'],
    ['an internal error', answer('XX000'), 'errored'],
    ['anything else', answer('22023'), 'inconclusive'],
    ['no answer', { kind: 'silent' }, 'errored'],
    ['no connection', { kind: 'network', code: 'ECONNREFUSED' }, 'errored'],
    ['no TLS', { kind: 'encryption', code: null }, 'errored'],
    ['a server that does not know the verifier', { kind: 'untrusted' }, 'inconclusive'],
  ])('%s', (_, failure, expected) => expect(verdict('login', failure)).toBe(expected));

  it.each(['none', 'unproven', 'md5', 'password'] as const)('proves nothing when what was asked for is %s', (asked) =>
    expect(verdict('login', { kind: 'declined', asked })).toMatch(/^(errored|inconclusive)$/),
  );
});

describe('What the answer to the verification says', () => {
  it.each<[string, ConnectionFailure, string]>([
    ['a missing table', answer('42P01'), 'refused by verification'],
    ['a missing right', answer('42501'), 'refused by verification'],
    ['an error that the query raises', answer('P0001'), 'refused by verification'],
    ['a time-out at the server', answer('57014'), 'errored'],
    ['a deadlock', answer('40P01'), 'errored'],
    ['a shutdown', answer('57P01'), 'errored'],
    ['a full disk', answer('53100'), 'errored'],
    ['no answer', { kind: 'silent' }, 'errored'],
    ['a lost connection', { kind: 'network', code: 'ECONNRESET' }, 'errored'],
  ])('%s', (_, failure, expected) => expect(verdict('verification', failure)).toBe(expected));
});

describe('What the answer to a command says', () => {
  const outcome = (failure: ConnectionFailure) => {
    const result = outcomeOf(failure, 'shop_a', target);
    return result.kind === 'refused' ? result.code : result.kind;
  };
  it.each<[string, ConnectionFailure, string]>([
    ['a lock that was not given', answer('55P03'), 'target_busy'],
    ['a time-out at the server', answer('57014'), 'target_busy'],
    ['a missing right', answer('42501'), 'missing_right'],
    ['a missing role', answer('42704'), 'slot_missing'],
    ['a password rule', answer('22023'), 'value_refused'],
    ['read only', answer('25006'), 'target_read_only'],
    ['another plain error', answer('XX000', null, true), 'target_refused'],
    ['an error of a severity that is not known', answer('XX000'), 'lost'],
    ['the session was ended: it may have committed before', answer('57P01'), 'lost'],
    ['the server crashed', answer('57P02'), 'lost'],
    ['no answer', { kind: 'silent' }, 'lost'],
    ['a lost connection', { kind: 'network', code: null }, 'lost'],
  ])('%s', (_, failure, expected) => expect(outcome(failure)).toBe(expected));
});

describe('What keeps us from a target', () => {
  it.each<[ConnectionFailure, string]>([
    [answer('28P01'), 'admin_refused'],
    [answer('28000', 'InitializeSessionUserId'), 'admin_refused'],
    [answer('28000', 'ClientAuthentication'), 'admin_not_admitted'],
    [answer('53300'), 'target_busy'],
    [answer('57P03'), 'target_not_ready'],
    [answer('3D000'), 'database_missing'],
    [answer('42501'), 'missing_right'],
    [answer('08P01'), 'target_pooled'],
    [answer('42704', 'find_option'), 'target_too_old'],
    [answer('XX000'), 'target_refused_session'],
    [{ kind: 'silent' }, 'target_silent'],
    [{ kind: 'network', code: 'ENOTFOUND' }, 'target_unreachable'],
    [{ kind: 'encryption', code: 'CERT_HAS_EXPIRED' }, 'target_encryption'],
    [{ kind: 'untrusted' }, 'target_untrusted'],
  ])('%j is %s, in a sentence with a remedy', (failure, code) => {
    const error = sessionError(failure, target, 'shop_admin');
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^.*db:5432.*\.$|^There is no database shop at db:5432\.$/);
    expect(error.details.remedy).toMatch(/\.$|;$/);
  });
});
