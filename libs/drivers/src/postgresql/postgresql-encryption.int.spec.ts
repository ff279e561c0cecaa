import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generate } from 'selfsigned';
import { sslModeOf } from '@dsops/contracts/rotation/targets/fields';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { startBetween } from './between.fixture.js';
import { PostgresqlDriver } from './postgresql.driver.js';
import { aLogin, LIMITS, startPostgresqlWorld, type PostgresqlWorld } from './postgresql-world.fixture.js';

const SELECT_1 = { check: { query: 'SELECT 1' }, timeoutMs: 1_500 };

describe('Encryption between the PostgreSQL driver and its target', () => {
  let world: PostgresqlWorld;
  let authority: string;
  beforeAll(async () => {
    world = await startPostgresqlWorld();
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
      keySize: 2048,
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    });
    authority = cert;
    await world.encrypt(cert, key);
  }, 60_000);
  afterAll(() => world?.close());

  const open = async (target: Partial<PostgresqlTarget>, authorities: string[] = []) => {
    const driver = new PostgresqlDriver({ limits: LIMITS, authorities });
    const session = await driver.openSession(
      { target: { ...world.target, ...target }, admin: world.admin },
      '01TESTROTATION',
    );
    const [row] = await world.asSuperuser<{ ssl: boolean }>(
      `SELECT ssl FROM pg_stat_ssl WHERE pid = ${session.identity.pid}`,
    );
    await session.close();
    return row!.ssl;
  };

  it('require encrypts, whoever signed the certificate', async () => {
    expect(await open({ sslMode: 'disable' })).toBe(false);
    expect(await open({ sslMode: 'require' })).toBe(true);
  });

  it('verify-full takes a certificate of a known authority for this name', async () => {
    expect(await open({ sslMode: 'verify-full', host: 'localhost' }, [authority])).toBe(true);
  });

  it('verify-ca takes one for another name, too, but of a known authority only', async () => {
    expect(await open({ sslMode: 'verify-ca', host: '127.0.0.1' }, [authority])).toBe(true);
    await expect(open({ sslMode: 'verify-ca', host: '127.0.0.1' })).rejects.toMatchObject({
      code: 'target_encryption',
    });
  });

  it('is asked for beyond this machine where nothing else was said', () => {
    expect(sslModeOf({ host: 'db.example.com' })).toBe('verify-full');
    expect(sslModeOf({ host: 'db.example.com', sslMode: 'disable' })).toBe('disable');
    for (const host of ['localhost', '127.0.0.1', '::1', '/var/run/postgresql'])
      expect(sslModeOf({ host })).toBe('disable');
    expect(sslModeOf({ host: 'localhost.example.com' })).toBe('verify-full');
  });

  it("trusts the target's own authority, and looks at the name unless told not to", async () => {
    expect(await open({ sslMode: 'verify-full', host: 'localhost', ca: authority })).toBe(true);
    expect(await open({ sslMode: 'verify-ca', host: '127.0.0.1', ca: authority })).toBe(true);
    const { cert: another } = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 });
    for (const sslMode of ['require', 'verify-ca', 'verify-full'] as const)
      await expect(open({ sslMode, host: 'localhost', ca: another })).rejects.toMatchObject({
        code: 'target_encryption',
      });
  });

  it('binds the proof of the password to the certificate, so that nobody can pass it on', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 });
    const between = await startBetween({ port: world.port, certificate: cert, key });
    try {
      await expect(open({ sslMode: 'require', port: between.port })).rejects.toMatchObject({
        code: 'target_untrusted',
      });
    } finally {
      await between.close();
    }
  });

  it.each([
    ['of an unknown authority', { host: 'localhost' }, false],
    ['for another name', { host: '127.0.0.1' }, true],
  ])('verify-full refuses a certificate %s', async (_, target, isKnown) => {
    const opened = open({ sslMode: 'verify-full', ...target }, isKnown ? [authority] : []);
    await expect(opened).rejects.toMatchObject({ code: 'target_encryption', kind: 'conflict' });
    const driver = new PostgresqlDriver({ limits: LIMITS, authorities: isKnown ? [authority] : [] });
    const probe = await driver.probe(
      { ...world.target, ...target, sslMode: 'verify-full' },
      aLogin('shop_a'),
      SELECT_1,
    );
    expect(probe.verdict).toBe('errored');
  });

  it('never falls back to plain text when the server has no encryption', async () => {
    await world.asSuperuser('ALTER SYSTEM SET ssl = off', 'SELECT pg_reload_conf()');
    let code: unknown;
    for (let tries = 0; tries < 50 && code === undefined; tries++)
      code = await open({ sslMode: 'require' }).then(
        () => undefined,
        (error: { code: unknown }) => error.code,
      );
    expect(code).toBe('target_encryption');
  });
});
