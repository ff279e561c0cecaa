import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Asked, asked, aSlot, type PostgresqlWorld, startPostgresqlWorld } from './postgresql-world.fixture.js';

const TWO_KEY: Asked = { shape: 'side-by-side', slots: ['shop_a', 'shop_b'], owner: 'shop_owner', inUse: 'shop_a' };
const IMMEDIATE: Asked = { shape: 'in-place', slots: ['shop_a'], owner: null, inUse: 'shop_a' };

describe('The plan for a PostgreSQL target', () => {
  let world: PostgresqlWorld;
  beforeAll(async () => void (world = await startPostgresqlWorld()), 60_000);
  beforeEach(async () => {
    await world.reset();
    await world.asSuperuser(`ALTER ROLE shop_a LOGIN`);
  });
  afterAll(() => world?.close());

  const plan = (wanted: Asked, { admin = world.admin, target = world.target } = {}) =>
    world.driver.inspect({ target, admin }, asked(wanted));
  const problems = async (wanted: Asked, options?: Parameters<typeof plan>[1]) =>
    (await plan(wanted, options)).findings.filter(({ level }) => level !== 'ok');

  /** [what is wrong, how it became so, the check that finds it, its level, words of the message, how it is undone] */
  const cases: [string, string, string, 'error' | 'warning', string, string][] = [
    [
      'the idle slot can log in',
      'ALTER ROLE shop_b LOGIN',
      'slot-use',
      'error',
      'shop_b can log in',
      'ALTER ROLE shop_b NOLOGIN',
    ],
    [
      'the login in use cannot log in',
      'ALTER ROLE shop_a NOLOGIN',
      'slot-use',
      'error',
      'may not log in',
      'ALTER ROLE shop_a LOGIN',
    ],
    [
      'a slot is no member of the owner',
      'REVOKE shop_owner FROM shop_b',
      'slot-owner',
      'error',
      'may not act as the owner',
      'GRANT shop_owner TO shop_b WITH INHERIT TRUE, SET TRUE',
    ],
    [
      'a slot begins as itself',
      'ALTER ROLE shop_b RESET role',
      'slot-owner',
      'error',
      'would belong to shop_b',
      'ALTER ROLE shop_b SET role = shop_owner',
    ],
    [
      'one database overrides where a slot begins',
      'ALTER ROLE shop_b IN DATABASE shop SET role = shop_b',
      'slot-owner',
      'error',
      'would belong to shop_b',
      'ALTER ROLE shop_b IN DATABASE shop RESET role',
    ],
    [
      'a slot owns objects itself',
      'CREATE TABLE mine (); ALTER TABLE mine OWNER TO shop_b',
      'slot-owner',
      'warning',
      '1 objects belong to shop_b',
      'DROP TABLE mine',
    ],
    [
      'the owner can log in',
      'ALTER ROLE shop_owner LOGIN',
      'owner',
      'warning',
      'can log in',
      'ALTER ROLE shop_owner NOLOGIN',
    ],
    [
      'passwords have expired',
      `ALTER ROLE shop_b VALID UNTIL '2020-01-01 00:00Z'`,
      'slot-login',
      'error',
      'valid until 2020-01-01 00:00 UTC',
      `ALTER ROLE shop_b VALID UNTIL 'infinity'`,
    ],
    [
      'passwords will expire',
      `ALTER ROLE shop_b VALID UNTIL '2999-01-01 00:00Z'`,
      'slot-login',
      'warning',
      '2999',
      `ALTER ROLE shop_b VALID UNTIL 'infinity'`,
    ],
    [
      'a slot may not connect',
      'REVOKE CONNECT ON DATABASE shop FROM PUBLIC; REVOKE CONNECT ON DATABASE shop FROM shop_owner',
      'slot-login',
      'error',
      'may not connect to the database shop',
      'GRANT CONNECT ON DATABASE shop TO PUBLIC, shop_owner',
    ],
    [
      'a slot may have no connection',
      'ALTER ROLE shop_b CONNECTION LIMIT 0',
      'connection-limit',
      'error',
      'no connection at all',
      'ALTER ROLE shop_b CONNECTION LIMIT -1',
    ],
    [
      'the server makes md5 passwords',
      `ALTER ROLE shop_admin SET password_encryption = 'md5'`,
      'password-encryption',
      'warning',
      'md5',
      'ALTER ROLE shop_admin RESET password_encryption',
    ],
    [
      'the server is set to read only',
      'ALTER DATABASE shop SET default_transaction_read_only = on',
      'server-writable',
      'error',
      'read only',
      'ALTER DATABASE shop RESET default_transaction_read_only',
    ],
    [
      'a slot is a superuser',
      'ALTER ROLE shop_b SUPERUSER',
      'slot-identity',
      'error',
      'only a superuser may change',
      'ALTER ROLE shop_b NOSUPERUSER',
    ],
  ];
  it.each(cases)('says when %s', async (_, make, check, level, words, undo) => {
    await world.asSuperuser(make);
    try {
      const found = await problems(TWO_KEY);
      expect(found).toContainEqual({
        check,
        level,
        message: expect.stringContaining(words),
        remedy: expect.any(String),
      });
    } finally {
      await world.asSuperuser(undo);
    }
  });

  it('refuses to rotate the role that dsops administers with', async () => {
    expect(await problems({ ...IMMEDIATE, slots: ['shop_admin'], inUse: 'shop_admin' })).toContainEqual(
      expect.objectContaining({ check: 'slot-identity', level: 'error' }),
    );
  });

  it('acts as the admin itself, also where its sessions begin as another role', async () => {
    await world.asSuperuser('GRANT shop_b TO shop_admin WITH SET TRUE; ALTER ROLE shop_admin SET role = shop_b');
    expect(await problems(TWO_KEY)).toMatchObject([
      { check: 'admin-reach', level: 'warning', message: expect.stringContaining('may act as shop_b') },
    ]);
    await world.asSuperuser('ALTER ROLE shop_admin RESET role; GRANT shop_b TO shop_admin WITH SET FALSE');
  });

  it('refuses a slot that could act as the admin', async () => {
    await world.asSuperuser('CREATE ROLE climber', 'GRANT shop_admin TO climber');
    expect(await problems({ ...IMMEDIATE, slots: ['climber'], inUse: null })).toContainEqual(
      expect.objectContaining({ check: 'slot-identity', message: expect.stringContaining('member of the admin') }),
    );
  });

  it('needs an owner with two slots, and one that exists', async () => {
    expect(await problems({ ...TWO_KEY, owner: null })).toMatchObject([{ check: 'owner', level: 'error' }]);
    expect(await problems({ ...TWO_KEY, owner: 'nobody' })).toContainEqual(
      expect.objectContaining({ check: 'owner', message: expect.stringContaining('does not exist') }),
    );
  });

  it('refuses a server that lets anybody in, also when the role may not log in', async () => {
    const own = 'GRANT anybody TO shop_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE';
    await world.asSuperuser('CREATE ROLE anybody LOGIN', own);
    const wanted = { ...IMMEDIATE, slots: ['anybody'], inUse: 'anybody' };
    const anybody = { check: 'wrong-password', level: 'error', message: expect.stringContaining('any password') };
    expect(await problems(wanted)).toMatchObject([anybody]);
    await world.asSuperuser('ALTER ROLE anybody NOLOGIN');
    expect(await problems({ ...wanted, inUse: null })).toMatchObject([anybody]);
  });

  it('says when pg_hba.conf shuts the login out', async () => {
    const own = 'GRANT shut_out TO shop_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE';
    await world.asSuperuser('CREATE ROLE shut_out LOGIN', own);
    expect(await problems({ ...IMMEDIATE, slots: ['shut_out'], inUse: 'shut_out' })).toMatchObject([
      { check: 'wrong-password', level: 'error', message: expect.stringContaining('pg_hba.conf') },
    ]);
  });

  it('warns of a superuser as admin, and of a login whose password it could not put back', async () => {
    expect(await problems(IMMEDIATE, { admin: world.superuser })).toMatchObject([
      { check: 'admin-rights', level: 'warning' },
    ]);
    expect(await problems({ ...IMMEDIATE, inUse: null })).toMatchObject([{ check: 'slot-use', level: 'warning' }]);
  });

  it('counts the sessions of the login in use, and warns when the other slot could not hold them', async () => {
    const session = await world.driver.openSession({ target: world.target, admin: world.admin }, '01TESTROTATION');
    const login = { username: 'shop_a', password: world.driver.generate() };
    await session.set(aSlot(login.username), login.password);
    await session.close();
    const held = await Promise.all([1, 2, 3].map(() => world.holdSession(login)));
    await world.asSuperuser('ALTER ROLE shop_b CONNECTION LIMIT 2');
    const { findings, sessions } = await plan(TWO_KEY);
    expect(sessions).toBe(3);
    expect(findings).toContainEqual(expect.objectContaining({ check: 'connection-limit', level: 'warning' }));
    await world.asSuperuser('ALTER ROLE shop_b CONNECTION LIMIT -1', 'ALTER ROLE shop_a CONNECTION LIMIT 3');
    expect(await problems(TWO_KEY)).toContainEqual(
      expect.objectContaining({ check: 'connection-limit', level: 'error' }),
    );
    await world.asSuperuser('ALTER ROLE shop_a CONNECTION LIMIT -1');
    await Promise.all(held.map((one) => one.close()));
  });

  it('warns when the server has hardly a connection left', async () => {
    const idle = await Promise.all(Array.from({ length: 32 }, () => world.connect('superuser')));
    expect(await problems(TWO_KEY)).toContainEqual(expect.objectContaining({ check: 'connections', level: 'warning' }));
    await Promise.all(idle.map((client) => client.end()));
  });
});
