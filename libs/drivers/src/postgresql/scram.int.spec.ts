import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Secret } from '@dsops/kernel';
import { startPostgresqlWorld, type PostgresqlWorld } from './postgresql-world.fixture.js';
import { scramVerifier } from './scram.js';

describe('SCRAM verifiers', () => {
  let world: PostgresqlWorld;
  beforeAll(async () => void (world = await startPostgresqlWorld()), 60_000);
  afterAll(() => world?.close());

  // The server's own verifier is the reference: it applies SASLprep by itself when it is given the password.
  it.each([
    ['ASCII', 'correct horse battery staple'],
    ['quotes and backslashes', `it's "quoted" \\ $1 %`],
    ['ASCII control characters', 'tab\tbell\x07'],
    ['characters that NFKC folds', 'Ⅸ ﬁne ª'],
    ['spaces beyond ASCII', 'a\u00a0b\u3000c'],
    ['characters mapped to nothing', 'a\u00adb\u200dc'],
    ['nothing but such characters', '\u00ad'],
    ['a character that the profile prohibits', 'a\u0080b'],
    ['mixed directions', 'a\u0627b'],
    ['an emoji newer than the profile', 'p🦩ss'],
    ['composed and decomposed accents', 'e\u0301é'],
    ['300 characters', 'ü'.repeat(300)],
  ])('equal the ones that the server makes: %s', async (_, password) => {
    const role = pg.escapeIdentifier('scram_reference');
    const [row] = await world.asSuperuser<{ rolpassword: string }>(
      `DROP ROLE IF EXISTS ${role}`,
      `CREATE ROLE ${role} PASSWORD ${pg.escapeLiteral(password)}`,
      `SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_reference'`,
    );
    const salt = /^SCRAM-SHA-256\$4096:([^$]+)\$/.exec(row!.rolpassword)![1]!;
    expect(await scramVerifier(new Secret(password), Buffer.from(salt, 'base64'))).toBe(row!.rolpassword);
  });

  it('take another salt each time', async () => {
    const password = new Secret('same');
    expect(await scramVerifier(password)).not.toBe(await scramVerifier(password));
  });

  it.each(['', 'nul\0inside'])('are refused for what no login could give: %j', async (password) => {
    await expect(scramVerifier(new Secret(password))).rejects.toMatchObject({ code: 'password_unusable' });
  });
});
