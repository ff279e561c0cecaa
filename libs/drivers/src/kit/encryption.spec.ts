import { describe, expect, it } from '@jest/globals';
import { assessEncryption } from './encryption.js';

const said = (target: Parameters<typeof assessEncryption>[0]) =>
  assessEncryption(target, 'db:5432').map(({ check, level, message }) => `${level} ${check}: ${message}`);

describe('What a plan says about the way to a target', () => {
  it('warns of each choice by which somebody else may answer for a host elsewhere', () => {
    expect(said({ host: 'db', sslMode: 'disable' })).toEqual([
      'warning encryption: Nothing is encrypted on the way to db:5432.',
    ]);
    expect(said({ host: 'db', sslMode: 'require' })[0]).toContain('certificate is not looked at');
    expect(said({ host: 'db', sslMode: 'verify-ca' })[0]).toContain('name in the certificate');
  });

  it('has nothing to say of a checked certificate, nor of this machine', () => {
    expect(said({ host: 'db' })).toEqual([]);
    expect(said({ host: 'localhost' })).toEqual([]);
  });
});
