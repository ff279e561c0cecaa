import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { asked, type PostgresqlWorld, startPostgresqlWorld } from './postgresql-world.fixture.js';

/** The slots of this world, shop_a in use and shop_b idle, are equals until a test makes them differ. */
describe('The comparison of two PostgreSQL slots', () => {
  let world: PostgresqlWorld;
  beforeAll(async () => {
    world = await startPostgresqlWorld();
    await world.asSuperuser(
      'CREATE ROLE readers',
      'CREATE ROLE "Odd Name"',
      'CREATE DATABASE reports',
      'CREATE SCHEMA "Odd Schema" CREATE TABLE orders (id int, "Odd Column" int)',
      'CREATE FUNCTION total(a integer, b numeric) RETURNS int LANGUAGE sql RETURN 1',
      'CREATE PROCEDURE tidy() LANGUAGE sql AS $$SELECT 1$$',
      'CREATE SEQUENCE numbers',
      'CREATE TYPE colour AS ENUM ()',
      'CREATE FOREIGN DATA WRAPPER wrapper; CREATE SERVER elsewhere FOREIGN DATA WRAPPER wrapper',
      'CREATE POLICY few ON "Odd Schema".orders TO readers',
      'ALTER TABLE "Odd Schema".orders ENABLE ROW LEVEL SECURITY',
    );
  }, 60_000);
  beforeEach(async () => {
    await world.reset();
    await world.asSuperuser('ALTER ROLE shop_a LOGIN');
  });
  afterAll(() => world?.close());

  const compare = async (acceptedDifferences: readonly string[] = []) => {
    const { findings } = await world.driver.inspect(
      { target: world.target, admin: world.admin },
      asked({ shape: 'side-by-side', slots: world.slots, owner: world.owner, inUse: 'shop_a', acceptedDifferences }),
    );
    return findings.filter(({ check }) => check === 'slot-difference');
  };
  const problems = async (acceptedDifferences?: readonly string[]) =>
    (await compare(acceptedDifferences)).filter(({ level }) => level !== 'ok');
  const EQUALS = [{ check: 'slot-difference', level: 'ok', message: 'shop_a and shop_b are equals.', remedy: null }];
  /** As the slots were when they were made. */
  const asMade = () =>
    world.asSuperuser(
      'DROP OWNED BY shop_a, shop_b',
      ...world.slots.flatMap((slot) => [
        `ALTER ROLE ${slot} RESET ALL`,
        `ALTER ROLE ${slot} IN DATABASE shop RESET ALL`,
        `ALTER ROLE ${slot} IN DATABASE reports RESET ALL`,
        `ALTER ROLE ${slot} SET role = 'shop_owner'`,
        `ALTER ROLE ${slot} NOSUPERUSER NOREPLICATION NOBYPASSRLS NOCREATEDB NOCREATEROLE INHERIT CONNECTION LIMIT -1 VALID UNTIL 'infinity'`,
        `REVOKE readers, "Odd Name" FROM ${slot}`,
      ]),
    );

  it('finds nothing between slots that are set up alike', async () => {
    expect(await compare()).toEqual(EQUALS);
  });

  /** [how it became so, as what it is named, words of the message] */
  const noticed: [string, string, string][] = [
    [
      'ALTER ROLE shop_a SET search_path = app, "$user", public',
      'setting:search_path',
      'shop_a has app, "$user", public',
    ],
    [`ALTER ROLE shop_b SET statement_timeout = '5s'`, 'setting:statement_timeout', 'shop_b has 5s'],
    [`ALTER ROLE shop_a SET search_path = ''`, 'setting:search_path', 'shop_a has ""'],
    [`ALTER ROLE shop_a SET app.motto = 'it''s ours'`, 'setting:app.motto', `shop_a has it's ours`],
    [`ALTER ROLE shop_a IN DATABASE shop SET work_mem = '64MB'`, 'setting:work_mem in database shop', '64MB'],
    ['ALTER ROLE shop_b IN DATABASE reports SET role = readers', 'setting:role in database reports', 'readers'],
    ['ALTER ROLE shop_a SET search_path = "$user", "Odd, one"', 'setting:search_path', '"$user", "Odd, one"'],
    [`ALTER ROLE shop_a SET my.words = 'it''s; \\\\ so'`, 'setting:my.words', `it's; \\\\ so`],
    [`ALTER ROLE shop_b SET "TimeZone" = 'UTC'`, 'setting:TimeZone', 'shop_a has none, shop_b has UTC'],
    [
      `ALTER ROLE shop_a SET work_mem = '1MB'; ALTER ROLE shop_b SET work_mem = '2MB'`,
      'setting:work_mem',
      'shop_a has 1MB, shop_b has 2MB',
    ],
    ['GRANT readers TO shop_a', 'member:readers', 'shop_a has member, INHERIT, SET, shop_b has none'],
    ['GRANT "Odd Name" TO shop_b WITH ADMIN OPTION', 'member:Odd Name', 'shop_b has member, ADMIN, INHERIT, SET'],
    ['GRANT readers TO shop_a, shop_b; GRANT readers TO shop_b WITH SET FALSE', 'member:readers', 'member, INHERIT'],
    ['ALTER ROLE shop_a CONNECTION LIMIT 7', 'attribute:connection-limit', 'CONNECTION LIMIT 7'],
    ['ALTER ROLE shop_a REPLICATION', 'attribute:replication', 'NOREPLICATION'],
    [`ALTER ROLE shop_b VALID UNTIL '2999-01-01 00:00Z'`, 'attribute:valid-until', `'2999-01-01 00:00:00+00'`],
  ];
  it.each(noticed)('refuses what an application could notice: %s', async (make, name, words) => {
    try {
      await world.asSuperuser(make);
      const found = await problems();
      expect(found).toEqual([
        {
          check: 'slot-difference',
          level: 'error',
          message: expect.stringContaining(words),
          remedy: expect.any(String),
        },
      ]);
      expect(found[0]!.message).toContain(`differ in ${name}:`);
      expect(found[0]!.remedy).toContain(`--accept-difference '${name}'`);
      expect(await problems([name])).toEqual([]);
      expect(await problems([`${name}x`])).toHaveLength(1);
      await world.asSuperuser(statementsOf(found[0]!.remedy!));
      expect(await compare()).toEqual(EQUALS);
    } finally {
      await asMade();
    }
  });

  /** The same of what only the login itself has, which sessions that begin as the owner leave behind. */
  const unnoticed: [string, string][] = [
    ['ALTER ROLE shop_a NOINHERIT', 'attribute:inherit'],
    ['ALTER ROLE shop_b BYPASSRLS', 'attribute:bypassrls'],
    ['ALTER ROLE shop_b CREATEDB', 'attribute:createdb'],
    ['ALTER ROLE shop_b CREATEROLE', 'attribute:createrole'],
    ['GRANT SELECT, INSERT ON "Odd Schema".orders TO shop_a', 'grant:table "Odd Schema".orders'],
    [
      'GRANT SELECT ON "Odd Schema".orders TO shop_a, shop_b; GRANT SELECT ON "Odd Schema".orders TO shop_b WITH GRANT OPTION',
      'grant:table "Odd Schema".orders',
    ],
    ['GRANT UPDATE ("Odd Column") ON "Odd Schema".orders TO shop_a', 'grant:table "Odd Schema".orders ("Odd Column")'],
    ['GRANT EXECUTE ON FUNCTION total TO shop_b', 'grant:function public.total(integer,numeric)'],
    ['GRANT EXECUTE ON PROCEDURE tidy TO shop_a', 'grant:procedure public.tidy()'],
    ['GRANT USAGE ON SEQUENCE numbers TO shop_a', 'grant:sequence public.numbers'],
    ['GRANT USAGE ON SCHEMA "Odd Schema" TO shop_b', 'grant:schema "Odd Schema"'],
    ['GRANT CREATE ON DATABASE shop TO shop_a', 'grant:database shop'],
    ['GRANT CONNECT ON DATABASE reports TO shop_b', 'grant:database reports'],
    ['GRANT USAGE ON TYPE colour TO shop_a', 'grant:type public.colour'],
    ['GRANT USAGE ON LANGUAGE plpgsql TO shop_a', 'grant:language plpgsql'],
    ['GRANT USAGE ON FOREIGN SERVER elsewhere TO shop_a', 'grant:foreign server elsewhere'],
    ['GRANT USAGE ON FOREIGN DATA WRAPPER wrapper TO shop_b', 'grant:foreign data wrapper wrapper'],
    [
      'ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner IN SCHEMA public GRANT SELECT ON TABLES TO shop_a',
      'default-privilege:tables in schema public by shop_owner',
    ],
    [
      'ALTER DEFAULT PRIVILEGES FOR ROLE shop_b GRANT USAGE ON SEQUENCES TO readers',
      'default-privilege:sequences to readers',
    ],
    [
      'ALTER DEFAULT PRIVILEGES FOR ROLE shop_a REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC',
      'default-privilege:functions to PUBLIC',
    ],
    ['ALTER POLICY few ON "Odd Schema".orders TO readers, shop_a', 'policy:few on "Odd Schema".orders'],
    ['ALTER POLICY few ON "Odd Schema".orders TO readers, shop_b', 'policy:few on "Odd Schema".orders'],
  ];
  it.each(unnoticed)('warns of what sessions of the owner do not have: %s', async (make, name) => {
    try {
      await world.asSuperuser(make);
      const found = await problems();
      expect(found).toEqual([
        {
          check: 'slot-difference',
          level: 'warning',
          message: expect.stringContaining(`differ in ${name}:`),
          remedy: expect.stringContaining(`--accept-difference '${name}'`),
        },
      ]);
      expect(await problems([name])).toEqual([]);
      await world.asSuperuser(statementsOf(found[0]!.remedy!));
      expect(await compare()).toEqual(EQUALS);
    } finally {
      await asMade();
    }
  });

  it('refuses all of it where sessions do not begin as the owner', async () => {
    try {
      await world.asSuperuser(
        'ALTER ROLE shop_a RESET role; ALTER ROLE shop_b RESET role; GRANT SELECT ON "Odd Schema".orders TO shop_a',
      );
      expect(await problems()).toMatchObject([{ level: 'error', message: expect.stringContaining('orders') }]);
    } finally {
      await asMade();
    }
  });

  it('names ten of a kind, and counts the others', async () => {
    const tables = Array.from({ length: 13 }, (_, at) => `t${at}`);
    try {
      await world.asSuperuser(...tables.map((one) => `CREATE TABLE ${one} (); GRANT SELECT ON ${one} TO shop_a`));
      const found = await problems();
      expect(found).toHaveLength(11);
      expect(found.at(-1)).toMatchObject({
        level: 'warning',
        message: expect.stringContaining('3 more of the kind "grant"'),
      });
    } finally {
      await world.asSuperuser(`DROP TABLE ${tables.join(', ')}`);
    }
  });

  it('names ten of the objects that belong to a slot, and counts the others', async () => {
    const tables = Array.from({ length: 12 }, (_, at) => `mine${at}`);
    try {
      await world.asSuperuser(...tables.map((one) => `CREATE TABLE ${one} (); ALTER TABLE ${one} OWNER TO shop_b`));
      const { findings } = await world.driver.inspect(
        { target: world.target, admin: world.admin },
        asked({ shape: 'side-by-side', slots: world.slots, owner: world.owner, inUse: 'shop_a' }),
      );
      const [found] = findings.filter(({ check }) => check === 'slot-owner');
      expect(found!.message).toMatch(/^12 objects belong to shop_b itself \((table public\.mine\d+, ){10}2 more/);
    } finally {
      await world.asSuperuser(`DROP TABLE ${tables.join(', ')}`);
    }
  });

  it('says which other database it cannot look into', async () => {
    const reports = await world.connect('superuser', 'reports');
    await reports.query('CREATE TABLE sums (); GRANT SELECT ON sums TO shop_a');
    try {
      expect(await problems()).toMatchObject([
        {
          level: 'warning',
          message: expect.stringContaining('differ in other-database:reports: shop_a has named by 1'),
        },
      ]);
      expect(await problems(['other-database:reports'])).toEqual([]);
    } finally {
      await reports.query('DROP TABLE sums');
      await reports.end();
    }
  });

  it('says what it may not read, and refuses until that is accepted', async () => {
    await world.asSuperuser('REVOKE SELECT ON pg_catalog.pg_policy FROM PUBLIC');
    try {
      expect(await problems()).toMatchObject([{ level: 'error', message: expect.stringContaining('"policy"') }]);
      expect(await problems(['unread:policy'])).toEqual([]);
    } finally {
      await world.asSuperuser('GRANT SELECT ON pg_catalog.pg_policy TO PUBLIC');
    }
  });

  it('says when what was accepted is there no more', async () => {
    expect(await compare(['setting:search_path'])).toMatchObject([
      {
        level: 'ok',
        message: expect.stringContaining('"setting:search_path" is accepted as a difference, and is none now'),
      },
    ]);
  });
});

const statementsOf = (remedy: string): string => /^Run (.*) on the target, or accept/.exec(remedy)![1]!;
