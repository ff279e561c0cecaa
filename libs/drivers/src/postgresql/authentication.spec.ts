import { afterEach, describe, expect, it } from '@jest/globals';
import { Secret } from '@dsops/kernel';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { PostgresqlDriver } from './postgresql.driver.js';
import {
  ASKS_CLEAR,
  ASKS_MD5,
  ASKS_SCRAM,
  LETS_IN,
  refusal,
  startStrictServer,
  type StrictServer,
} from './strict-server.fixture.js';

const PASSWORD = 'canary-of-the-administrator';
const login = { username: 'dsops_admin', password: new Secret(PASSWORD) };
const driver = new PostgresqlDriver({ limits: { connectTimeoutMs: 1_500 } });

describe('What PostgreSQL, or what stands in its place, may ask of us', () => {
  let server: StrictServer;
  afterEach(() => server.close());

  const at = (target: Partial<PostgresqlTarget> = {}): PostgresqlTarget => ({
    host: '127.0.0.1',
    port: server.port,
    database: 'shop',
    ...target,
  });
  const open = (target?: Partial<PostgresqlTarget>) =>
    driver.openSession({ target: at(target), admin: login }, '01TESTROTATION').then(
      () => 'opened',
      (error: { code: string; message: string }) => error,
    );
  const probe = () => driver.probe(at(), login, { check: { query: 'SELECT 1' }, timeoutMs: 1_500 });

  it.each([
    ['in clear', [ASKS_CLEAR, LETS_IN]],
    ['by md5', [ASKS_MD5, LETS_IN]],
    ['for no password', [LETS_IN, LETS_IN]],
    ['for SCRAM, and lets us in before it proved itself', [ASKS_SCRAM, LETS_IN, LETS_IN]],
    ['for SCRAM first, and then in clear', [ASKS_SCRAM, ASKS_CLEAR, LETS_IN]],
  ])('nothing of a password goes to a server that asks %s', async (_, answers) => {
    server = await startStrictServer(...answers);
    expect(await open()).toMatchObject({
      code: expect.stringMatching(/^target_(auth_weak|untrusted)$/),
      kind: 'conflict',
    });
    expect(await probe()).toMatchObject({ verdict: expect.stringMatching(/^(errored|inconclusive)$/) });
    // A startup packet each, and the first message of SCRAM, which holds a random number.
    const scram = answers[0] === ASKS_SCRAM ? 2 : 1;
    expect(server.received).toHaveLength(2 * scram);
    expect(server.received.join('')).not.toContain(PASSWORD);
  });

  it.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ])('something that speaks %s is said to be no PostgreSQL, not to be gone', async (_, text) => {
    server = await startStrictServer(Buffer.from(text));
    expect(await open()).toMatchObject({ code: 'target_untrusted' });
    expect(await probe()).toMatchObject({ verdict: 'inconclusive' });
    await server.close();
    server = await startStrictServer(Buffer.from(text.replace('SSH', 'XSH')));
    expect(await open({ sslMode: 'require' })).toMatchObject({ code: 'target_untrusted' });
  });

  it('gives a password in clear where that was chosen by name', async () => {
    server = await startStrictServer(ASKS_CLEAR, refusal('28P01'));
    expect(await open({ auth: 'password' })).toMatchObject({ code: 'admin_refused' });
    expect(server.received.join('')).toContain(PASSWORD);
  });

  it('md5 lets md5 in and no password in clear', async () => {
    server = await startStrictServer(ASKS_MD5, refusal('28P01'));
    expect(await open({ auth: 'md5' })).toMatchObject({ code: 'admin_refused' });
    expect(server.received.join('')).toMatch(/p\0\0\0\(md5[0-9a-f]{32}/);
    await server.close();
    server = await startStrictServer(ASKS_CLEAR, refusal('28P01'));
    expect(await open({ auth: 'md5' })).toMatchObject({ code: 'target_auth_weak' });
    expect(server.received.join('')).not.toContain(PASSWORD);
  });
});
