import { describe, expect, it } from '@jest/globals';
import { hostField, isThisMachine, sslModeOf } from './fields.js';
import { postgresql } from './postgresql.js';

describe('The host of a target', () => {
  const host = hostField();

  it.each(['db.example.com', 'DB_1', '10.0.0.7', '::1', 'fe80::1%eth0', '2001:db8::7', '/var/run/postgresql'])(
    '%s is one',
    (text) => expect(host.parse(text)).toBe(text),
  );
  it('loses the brackets that an address has in a URL', () => expect(host.parse('[2001:db8::7]')).toBe('2001:db8::7'));

  it.each([
    ['postgres://u:SecretPw@db.example.com:5432/shop', /URL/],
    ['u:SecretPw@db.example.com', /URL/],
    ['SecretPw-a.example.com,SecretPw-b.example.com', /several hosts/],
    ['SecretPw.example.com:5432', /port by itself/],
    ['SecretPw example.com', /neither a name/],
    ['', /name a host/],
  ])('%s is none, and is not repeated', (text, says) => {
    const { error } = host.safeParse(text);
    expect(error?.issues[0]?.message).toMatch(says);
    expect(JSON.stringify(error?.issues)).not.toContain('SecretPw');
  });
});

describe('Encryption that nobody named', () => {
  it.each(['db.example.com', '10.0.0.7', '127.0.0.1.example.com', 'localhost.example.com'])(
    'to %s checks who answers',
    (host) => {
      expect(isThisMachine(host)).toBe(false);
      expect(sslModeOf({ host })).toBe('verify-full');
    },
  );
  it.each(['localhost', '127.0.0.1', '::1', '/var/run/postgresql'])('to %s is not needed', (host) =>
    expect(sslModeOf({ host })).toBe('disable'),
  );
  it('checks who answers where an authority is named', () => {
    expect(sslModeOf({ host: 'localhost', ca: 'x' })).toBe('verify-full');
    expect(sslModeOf({ host: 'db', sslMode: 'require', ca: 'x' })).toBe('verify-ca');
  });
  it('stays what was named', () => expect(sslModeOf({ host: 'db', sslMode: 'disable' })).toBe('disable'));
  it('takes an authority in PEM only', () => {
    const target = { host: 'db', database: 'shop', ca: '/etc/ssl/ca.pem' };
    expect(postgresql.target.safeParse(target).error?.issues[0]).toMatchObject({ path: ['ca'] });
  });
});
