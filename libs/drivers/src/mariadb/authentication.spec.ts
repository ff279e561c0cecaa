import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Secret } from '@dsops/kernel';
import { accountOf, alterAccount, authenticationOf, nativeHash } from './authentication.js';
import { setupStatements } from './setup-sql.js';

const HASH = '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19';
const OTHER = '*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9';

describe('how an account of MariaDB lets people in', () => {
  it('is the hash of the password, as the server computes it', () => {
    expect(nativeHash(new Secret('password'))).toBe(HASH);
    expect(nativeHash(new Secret('123456'))).toBe(OTHER);
  });

  it.each([
    ['one password', { plugin: 'mysql_native_password', authentication_string: HASH }, [{ kind: 'hash', hash: HASH }]],
    [
      'two, of which the first stands at the top',
      {
        plugin: 'mysql_native_password',
        authentication_string: OTHER,
        auth_or: [{}, { plugin: 'mysql_native_password', authentication_string: HASH }],
      },
      [
        { kind: 'hash', hash: OTHER },
        { kind: 'hash', hash: HASH },
      ],
    ],
    ['nobody', { plugin: 'mysql_native_password', authentication_string: 'invalid' }, [{ kind: 'nobody' }]],
    ['anybody without a password', { access: 0 }, [{ kind: 'foreign', plugin: 'no password' }]],
    ['another plugin', { plugin: 'ed25519', authentication_string: 'x' }, [{ kind: 'foreign', plugin: 'ed25519' }]],
  ])('is read from the table of accounts: %s', (_, priv, alternatives) => {
    expect(authenticationOf(priv).alternatives).toEqual(alternatives);
  });

  it('is written in one statement, which locks the account when it lets in nobody', () => {
    const account = accountOf({ name: 'app@10.0.0.%#2', login: 'app' });
    expect(account).toEqual({ user: 'app', host: '10.0.0.%', position: 2 });
    expect(alterAccount(account, [null, HASH])).toBe(
      `ALTER USER 'app'@'10.0.0.%' IDENTIFIED VIA mysql_native_password USING 'invalid' OR mysql_native_password USING '${HASH}' ACCOUNT UNLOCK`,
    );
    expect(alterAccount(account, [null])).toMatch(/USING 'invalid' ACCOUNT LOCK$/);
  });

  it('is prepared by the statements that the documentation shows', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/targets/mariadb.md'), 'utf8');
    const names = { database: 'shop', admin: 'dsops_admin', slots: ['shop_a', 'shop_b'], accountHost: '%' };
    expect(page).toContain(setupStatements(names).join('\n'));
  });
});
