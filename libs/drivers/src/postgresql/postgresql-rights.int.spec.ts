import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unwrapSecret } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import type { Login } from '../driver.js';
import { openAdminWire } from './admin-wire.js';
import { quote } from './answers.js';
import { generatePassword } from '../kit/password.js';
import {
  aLogin,
  asked,
  aSlot,
  LIMITS,
  NAMES,
  type PostgresqlWorld,
  startPostgresqlWorld,
} from './postgresql-world.fixture.js';
import { acting, administration, endingSessions, setupStatements } from './setup-sql.js';

/** The admin of this world holds the documented rights and no others. */
describe('The PostgreSQL driver with the least rights', () => {
  let world: PostgresqlWorld;
  beforeAll(async () => void (world = await startPostgresqlWorld()), 60_000);
  beforeEach(() => world.reset());
  afterAll(() => world?.close());

  async function set(login: Login) {
    const session = await world.driver.openSession({ target: world.target, admin: world.admin }, '01TESTROTATION');
    const outcome = await session.set(aSlot(login.username), login.password);
    await session.close();
    return outcome;
  }
  async function retire(username: string, endSessions = false) {
    const session = await world.driver.openSession({ target: world.target, admin: world.admin }, '01TESTROTATION');
    const outcome = await session.retire(aSlot(username), null, { endSessions });
    await session.close();
    return outcome;
  }
  const errors = async (endsSessions = false) => {
    const { findings } = await world.driver.inspect(
      { target: world.target, admin: world.admin },
      asked({
        shape: 'side-by-side',
        slots: world.slots,
        owner: world.owner,
        inUse: 'shop_a',
        endsSessions,
      }),
    );
    return findings.filter(({ level }) => level !== 'ok');
  };
  /** Takes a right away, lets the test look, and gives it back. */
  async function without(take: string, give: string, look: () => Promise<void>) {
    await world.asSuperuser(take);
    try {
      await look();
    } finally {
      await world.asSuperuser(give);
    }
  }
  it('prints names as the server takes them, also those that are words of its language', async () => {
    const words = await world.asSuperuser<{ word: string }>(
      `SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')`,
    );
    expect(words.length).toBeGreaterThan(90);
    for (const { word } of [...words, { word: 'Mixed "case"' }])
      await world.asSuperuser(`CREATE ROLE ${quote(word)}`, `DROP ROLE ${quote(word)}`);
    expect(quote('shop_a')).toBe('shop_a');
  });

  const GRANT_A = setupStatements(NAMES).find((line) => line.startsWith('GRANT shop_a TO shop_admin'))!;

  it('is no superuser, has CREATEROLE, and can act as no slot', async () => {
    const [admin] = await world.asSuperuser(
      `SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
              pg_has_role('shop_admin', 'shop_a', 'SET') AS "canActAsSlot",
              pg_has_role('shop_admin', 'shop_owner', 'SET') AS "canActAsOwner"
         FROM pg_roles WHERE rolname = 'shop_admin'`,
    );
    expect(admin).toEqual({
      rolsuper: false,
      rolcreaterole: true,
      rolcreatedb: false,
      rolreplication: false,
      rolbypassrls: false,
      canActAsSlot: false,
      canActAsOwner: false,
    });
  });

  it('documents exactly the statements that made it', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/targets/postgresql.md'), 'utf8');
    expect(page).toContain(setupStatements({ ...NAMES, admin: 'dsops_admin' }).join('\n'));
  });

  it.each([
    ['CREATEROLE', 'ALTER ROLE shop_admin NOCREATEROLE', 'ALTER ROLE shop_admin CREATEROLE', 'CREATEROLE'],
    ['ADMIN OPTION', 'REVOKE ADMIN OPTION FOR shop_a FROM shop_admin', GRANT_A, 'ADMIN OPTION'],
  ])('needs %s: without it the plan says so, and the role stays as it is', async (_, take, give, named) => {
    const login = aLogin('shop_a');
    await set(login);
    await without(take, give, async () => {
      const found = (await errors()).filter(({ check }) => check === 'admin-rights');
      expect(found.map(({ message }) => message).join()).toContain(named);
      const [sql] = /(GRANT|ALTER) [^;]*;/.exec(found[0]!.remedy!)!;
      expect(await set(aLogin('shop_a'))).toMatchObject({ kind: 'refused', code: 'missing_right' });
      expect(await retire('shop_a')).toMatchObject({ kind: 'refused', code: 'missing_right' });
      expect(await world.canLogIn(login)).toBe(true);
      await world.asSuperuser(sql); // the remedy is to be believed
      expect(await errors()).toEqual([]);
    });
  });

  it('prints no option of a membership for a server that knows none', () => {
    expect(acting('shop_owner', 'shop_a', 150_018)).toBe('GRANT shop_owner TO shop_a;');
    expect(acting('shop_owner', 'shop_a', 160_000)).toBe('GRANT shop_owner TO shop_a WITH INHERIT TRUE, SET TRUE;');
  });

  it('prints the grant of each slot that lacks it', async () => {
    await set(aLogin('shop_a'));
    const take = 'REVOKE ADMIN OPTION FOR shop_a, shop_b FROM shop_admin';
    const give = NAMES.slots.map((slot) => administration(slot, 'shop_admin')).join(' ');
    await without(take, give, async () => {
      const [found, ...others] = await errors();
      expect(others).toEqual([]);
      expect(found).toMatchObject({
        message: 'The admin shop_admin may not change the roles shop_a and shop_b: it lacks ADMIN OPTION on them.',
        remedy: `Run ${give} on the target.`,
      });
      await world.asSuperuser(/^Run (.*) on the target\.$/.exec(found!.remedy!)![1]!);
      expect(await errors()).toEqual([]);
    });
  });

  it('needs pg_signal_backend only where sessions are ended: without it nothing is retired by half', async () => {
    const login = aLogin('shop_a');
    await set(login);
    await without('REVOKE pg_signal_backend FROM shop_admin', endingSessions('shop_admin'), async () => {
      expect(await errors()).toEqual([]);
      const found = await errors(true);
      expect(found).toContainEqual(
        expect.objectContaining({
          check: 'admin-rights',
          level: 'error',
          message: 'The admin shop_admin may not end sessions of shop_a and shop_b.',
          remedy: 'Run GRANT pg_signal_backend TO shop_admin; on the target.',
        }),
      );
      expect(await retire('shop_a', true)).toMatchObject({ kind: 'refused', code: 'missing_right' });
      expect(await world.canLogIn(login)).toBe(true);
      expect(await retire('shop_a')).toEqual({ kind: 'applied' });
    });
  });

  it('can do all that a rotation does, and neither read nor drop what belongs to the application', async () => {
    const login = aLogin('shop_a');
    expect(await set(login)).toEqual({ kind: 'applied' });
    const application = await world.connect(login);
    await application.query('CREATE TABLE customers (name text)');
    const admin = await world.connect(world.admin);
    for (const statement of [
      'SELECT * FROM customers',
      'DROP TABLE customers',
      'SET ROLE shop_a',
      'SET ROLE shop_owner',
    ])
      await expect(admin.query(statement)).rejects.toMatchObject({ code: '42501' });
    expect(await errors()).toEqual([]);
    await admin.end();
    await application.query('DROP TABLE customers');
    await application.end();
    expect(await retire('shop_a')).toEqual({ kind: 'applied' });
  });

  it.each([
    [
      'has all that a slot may do',
      'GRANT shop_a TO shop_admin WITH INHERIT TRUE',
      GRANT_A,
      'has all that shop_a may do',
    ],
    ['may act as a slot', 'GRANT shop_a TO shop_admin WITH SET TRUE', GRANT_A, 'may act as shop_a'],
    [
      'has all that the owner may do',
      'GRANT shop_owner TO shop_admin',
      'REVOKE shop_owner FROM shop_admin',
      'has all that shop_owner may do',
    ],
  ])('is warned of when it %s, with the statement that mends it', async (_, take, give, named) => {
    await set(aLogin('shop_a'));
    await without(take, give, async () => {
      const found = await errors();
      expect(found.map(({ check, level }) => ({ check, level }))).toContainEqual({
        check: 'admin-reach',
        level: 'warning',
      });
      expect(found.map(({ message }) => message).join(' ')).toContain(named);
      for (const { remedy } of found) await world.asSuperuser(/GRANT [^;]*;/.exec(remedy!)![0]);
      expect(await errors()).toEqual([]);
    });
  });

  it('can change no role that is not its own', async () => {
    await world.asSuperuser('CREATE ROLE stranger LOGIN');
    const before = await world.asSuperuser(`SELECT * FROM pg_authid WHERE rolname = 'stranger'`);
    expect(await set(aLogin('stranger'))).toMatchObject({ kind: 'refused', code: 'missing_right' });
    expect(await set(aLogin('postgres'))).toMatchObject({ kind: 'refused', code: 'missing_right' });
    expect(await set(aLogin('no_such_role'))).toMatchObject({ kind: 'refused', code: 'slot_missing' });
    expect(await world.asSuperuser(`SELECT * FROM pg_authid WHERE rolname = 'stranger'`)).toEqual(before);
  });

  it('takes a name for a name, whatever stands in it', async () => {
    const name = `o'dd "slot"; DROP ROLE shop_b; --`;
    const own = `GRANT "${name.replaceAll('"', '""')}" TO shop_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`;
    await world.asSuperuser(`CREATE ROLE "${name.replaceAll('"', '""')}"`, own);
    const login = aLogin(name);
    expect(await set(login)).toEqual({ kind: 'applied' });
    expect(await world.canLogIn(login)).toBe(true);
    expect(await retire(name, true)).toEqual({ kind: 'applied' });
    expect(await world.asSuperuser(`SELECT FROM pg_roles WHERE rolname = 'shop_b'`)).toHaveLength(1);
  });

  it('refuses a name that the server would cut short to another one', async () => {
    const session = await world.driver.openSession({ target: world.target, admin: world.admin }, '01TESTROTATION');
    await expect(session.set(aSlot('ü'.repeat(32)), generatePassword())).rejects.toMatchObject({
      code: 'role_name_invalid',
    });
    await session.close();
  });

  it('leaves an idle slot that anybody can see is idle', async () => {
    await set(aLogin('shop_a'));
    await retire('shop_a');
    expect(await world.asSuperuser(`SELECT rolcanlogin, rolpassword FROM pg_authid WHERE rolname = 'shop_a'`)).toEqual([
      { rolcanlogin: false, rolpassword: null },
    ]);
  });

  it('lets slot B alter, fill and drop what slot A created, also after RESET ROLE and DISCARD ALL', async () => {
    const [a, b] = [aLogin('shop_a'), aLogin('shop_b')];
    await set(a);
    await set(b);
    const [first, second] = [await world.connect(a), await world.connect(b)];
    await first.query('CREATE TABLE orders (id int)');
    await first.query('DISCARD ALL');
    await first.query('CREATE TABLE customers (id int)');
    await first.query('RESET ROLE');
    await first.query('CREATE TABLE invoices (id int)');
    for (const table of ['orders', 'customers', 'invoices']) {
      await second.query(`ALTER TABLE ${table} ADD COLUMN note text`);
      await second.query(`INSERT INTO ${table} VALUES (1, 'by b')`);
    }
    const { rows } = await second.query<{ tableowner: string; session_user: string }>(
      `SELECT DISTINCT tableowner, session_user::text FROM pg_tables WHERE schemaname = 'public'`,
    );
    // The sessions stay distinguishable by slot: that is the evidence of who still uses the old value.
    expect(rows).toEqual([{ tableowner: 'shop_owner', session_user: 'shop_b' }]);
    await first.end();
    expect(await retire('shop_a', true)).toEqual({ kind: 'applied' });
    await second.query('DROP TABLE orders, customers, invoices');
    await second.end();
  });

  it('shows the rotation at the target', async () => {
    const session = await world.driver.openSession({ target: world.target, admin: world.admin }, '01JZXROTATION');
    const rows = await world.asSuperuser(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'dsops 01JZXROTATION'`,
    );
    expect(rows).toEqual([{ pid: session.identity.pid }]);
    await session.close();
  });

  it('waits for a commit to be on disk, also where the admin does not by default', async () => {
    await world.asSuperuser(`ALTER ROLE shop_admin SET synchronous_commit = off`);
    const options = { applicationName: 'spec', limits: LIMITS, authorities: [] };
    const { wire } = await openAdminWire(world.target, world.admin, options);
    expect(await wire.query('SHOW synchronous_commit', [], 1_000)).toEqual([{ synchronous_commit: 'on' }]);
    await wire.close();
    await world.asSuperuser(`ALTER ROLE shop_admin RESET synchronous_commit`);
  });

  it('lets no password reach the server or its log, whatever happens', async () => {
    const values: Login[] = [];
    const remember = (login: Login) => (values.push(login), login);
    await set(remember(aLogin('shop_a')));
    await set(remember(aLogin('no_such_role')));
    await set(remember(aLogin('stranger_too')));
    const login = remember(aLogin('shop_a'));
    await set(login);
    await world.driver.probe(world.target, login, { check: { query: world.failingQuery }, timeoutMs: 1_000 });
    await world.driver.probe(world.target, remember(aLogin('shop_a')), {
      check: { query: 'SELECT 1' },
      timeoutMs: 1_000,
    });
    await retire('shop_a');
    const log = () =>
      readdirSync(world.logFolder)
        .map((file) => readFileSync(join(world.logFolder, file), 'utf8'))
        .join('');
    await eventually(() => expect(log()).toContain('ALTER ROLE "shop_a" NOLOGIN PASSWORD NULL'));
    expect(log()).toContain(`ALTER ROLE "shop_a" LOGIN PASSWORD 'SCRAM-SHA-256$4096:`);
    const sent = world.proxy.sent().toString('latin1');
    for (const { password } of [...values, world.admin]) {
      expect(log()).not.toContain(unwrapSecret(password));
      expect(sent).not.toContain(unwrapSecret(password));
    }
  });
});
