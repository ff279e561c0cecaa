import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { unwrapSecret } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import { PostgresqlDriver } from './postgresql.driver.js';
import { aLogin, LIMITS, startPostgresqlWorld, type PostgresqlWorld } from './postgresql-world.fixture.js';
import { scramVerifier } from './scram.js';

const SELECT_1 = { check: { query: 'SELECT 1' }, timeoutMs: 1_500 };
const driver = new PostgresqlDriver({ limits: LIMITS });

/** What stands where a server should be: has no TLS, asks in this way, and keeps every byte that it is sent. */
async function startAsking(request: Buffer) {
  const heard: Buffer[] = [];
  const server: Server = createServer((socket) => {
    let hasBegun = false;
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      heard.push(bytes);
      if (bytes.length === 8 && bytes.readUInt32BE(4) === 80_877_103) return void socket.write('N');
      if (!hasBegun) socket.write(request);
      hasBegun = true;
      return undefined;
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    target: { host: '127.0.0.1', port, database: 'shop' } satisfies PostgresqlTarget,
    heard: () => Buffer.concat(heard).toString('latin1'),
    close: () => new Promise<void>((done) => void server.close(() => done())),
  };
}

const askingBy = (method: number, salt = Buffer.alloc(0)) => {
  const head = Buffer.alloc(9);
  head.write('R', 0);
  head.writeUInt32BE(8 + salt.length, 1);
  head.writeUInt32BE(method, 5);
  return Buffer.concat([head, salt]);
};

describe.each([
  ['in clear text', askingBy(3), /in clear text/],
  ['as an MD5 hash', askingBy(5, Buffer.from('salt')), /as an MD5 hash/],
])('a server that asks for the password %s', (_, request, words) => {
  let asking: Awaited<ReturnType<typeof startAsking>>;
  beforeEach(async () => {
    asking = await startAsking(request);
  });
  afterEach(() => asking.close());

  it("does not get the administrator's", async () => {
    const admin = aLogin('shop_admin');
    await expect(driver.openSession({ target: asking.target, admin }, '01TESTROTATION')).rejects.toMatchObject({
      code: 'target_auth_weak',
      message: expect.stringMatching(words),
      details: { about: 'target', remedy: expect.stringContaining('--auth') },
    });
    expect(asking.heard()).toContain('shop_admin');
    expect(asking.heard()).not.toMatch(/p\0\0/);
  });

  it('does not get that of a login that is tried, and proves nothing about it', async () => {
    const login = aLogin('shop_a');
    const probe = await driver.probe(asking.target, login, SELECT_1);
    expect(probe).toMatchObject({ verdict: 'errored', note: expect.stringMatching(words) });
    expect(JSON.stringify(probe)).not.toContain(unwrapSecret(login.password));
    expect(asking.heard()).not.toMatch(/p\0\0/);
  });
});

describe('a server of which a weaker way was allowed by name', () => {
  let world: PostgresqlWorld;
  let rules: string;
  let before: string;
  beforeAll(async () => {
    world = await startPostgresqlWorld();
    const [row] = await world.asSuperuser<{ hba_file: string }>('SHOW hba_file');
    rules = row!.hba_file;
    before = readFileSync(rules, 'utf8');
  }, 60_000);
  afterAll(() => world?.close());

  async function ask(method: string): Promise<void> {
    writeFileSync(rules, `host all shop_a 127.0.0.1/32 ${method}\n${before}`);
    await world.asSuperuser('SELECT pg_reload_conf()');
    await eventually(async () => {
      const [row] = await world.asSuperuser<{ method: string }>(
        `SELECT auth_method AS method FROM pg_hba_file_rules WHERE user_name = '{shop_a}'`,
      );
      if (row?.method !== method) throw new Error('It has not read its rules yet.');
    });
  }

  it('is tried in that way, and only then', async () => {
    const login = aLogin('shop_a');
    await world.asSuperuser(`ALTER ROLE shop_a LOGIN PASSWORD '${await scramVerifier(login.password)}'`);
    await ask('password');
    const { target } = world;
    await eventually(async () =>
      expect(await driver.probe(target, login, SELECT_1)).toMatchObject({ verdict: 'errored' }),
    );
    expect(await driver.probe({ ...target, auth: 'password' }, login, SELECT_1)).toMatchObject({ verdict: 'accepted' });
  });

  it('is named in every plan', async () => {
    const look = (target: PostgresqlTarget) =>
      driver.inspect(
        { target, admin: world.admin },
        {
          shape: 'in-place',
          settings: { slots: ['shop_a'] },
          slots: [{ name: 'shop_a', login: 'shop_a' }],
          inUse: 'shop_a',
          endsSessions: false,
        },
      );
    const checks = async (target: PostgresqlTarget) =>
      (await look(target)).findings.filter(({ level }) => level === 'warning').map(({ check }) => check);
    expect(await checks({ ...world.target, auth: 'md5' })).toContain('authentication');
    expect(await checks(world.target)).not.toContain('authentication');
  });
});

describe('the verification query', () => {
  let world: PostgresqlWorld;
  beforeAll(async () => {
    world = await startPostgresqlWorld();
  }, 60_000);
  afterAll(() => world?.close());

  it('changes nothing, and says that it wanted to', async () => {
    const login = aLogin('shop_a');
    await world.asSuperuser(
      `ALTER ROLE shop_a LOGIN PASSWORD '${await scramVerifier(login.password)}'`,
      'CREATE TABLE kept (x int)',
      'INSERT INTO kept VALUES (1)',
      'GRANT ALL ON kept TO PUBLIC',
    );
    const probe = await driver.probe(world.target, login, { check: { query: 'DELETE FROM kept' }, timeoutMs: 1_500 });
    expect(probe).toMatchObject({ refusedBy: 'verification', note: expect.stringContaining('read only') });
    expect(await world.asSuperuser('SELECT * FROM kept')).toEqual([{ x: 1 }]);
  });
});
