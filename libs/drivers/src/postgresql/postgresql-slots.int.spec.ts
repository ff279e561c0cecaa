import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { asked, type PostgresqlWorld, startPostgresqlWorld } from './postgresql-world.fixture.js';

/** Two logins that differ are an outage that the rotation itself does not see. */
describe('The comparison of two PostgreSQL slots', () => {
  let world: PostgresqlWorld;
  beforeAll(async () => {
    world = await startPostgresqlWorld();
    await world.asSuperuser('CREATE ROLE "Reporting"', 'CREATE TABLE orders (id int)', 'CREATE SEQUENCE numbers');
  }, 60_000);
  beforeEach(async () => {
    await world.reset();
    await world.asSuperuser('ALTER ROLE shop_a LOGIN');
  });
  afterAll(() => world?.close());

  const differences = async () => {
    const { findings } = await world.driver.inspect(
      { target: world.target, admin: world.admin },
      asked({ shape: 'side-by-side', slots: world.slots, owner: world.owner, inUse: 'shop_a' }),
    );
    return findings.filter(({ check }) => check === 'slot-difference');
  };

  /** [what differs, how it became so, words of the message] */
  it.each([
    ['where names are looked up', `ALTER ROLE shop_a SET search_path = "$user", app, "Odd, one"`, 'search_path'],
    ['an empty list of schemas', `ALTER ROLE shop_a SET search_path = ''`, 'search_path'],
    ['a time-out', `ALTER ROLE shop_a SET statement_timeout = '5s'`, 'The setting statement_timeout is 5s for shop_a'],
    ['a value to be quoted', `ALTER ROLE shop_a SET my.words = 'it''s; \\ so'`, 'my.words'],
    ['a setting in one database', `ALTER ROLE shop_a IN DATABASE shop SET work_mem = '64MB'`, 'in database shop'],
    ['a setting of the idle one alone', `ALTER ROLE shop_b SET "TimeZone" = 'UTC'`, 'is absent for shop_a'],
    ['a setting with two values', `ALTER ROLE shop_a SET work_mem = '1MB'; ALTER ROLE shop_b SET work_mem = '2MB'`, ''],
    ['rows that are seen', 'ALTER ROLE shop_a BYPASSRLS', 'is BYPASSRLS for shop_a and NOBYPASSRLS for shop_b'],
    ['what is inherited', 'ALTER ROLE shop_b NOINHERIT', 'The attribute INHERIT'],
    ['a number of connections', 'ALTER ROLE shop_b CONNECTION LIMIT 7', 'CONNECTION LIMIT is -1 for shop_a and 7'],
    ['a membership', 'GRANT "Reporting" TO shop_a WITH INHERIT FALSE', 'The membership in Reporting'],
    ['a membership of the idle one alone', 'GRANT "Reporting" TO shop_b', 'The membership in Reporting is absent'],
    [
      'how a membership is used',
      'GRANT "Reporting" TO shop_a WITH ADMIN TRUE; GRANT "Reporting" TO shop_b WITH INHERIT FALSE',
      'WITH ADMIN TRUE, INHERIT TRUE, SET TRUE for shop_a',
    ],
  ])('finds %s, with a statement that makes them alike', async (_, bring, words) => {
    expect(await differences()).toEqual([]);
    await world.asSuperuser(bring);
    try {
      const found = await differences();
      expect(found).toMatchObject([{ level: 'warning', message: expect.stringContaining(words) }]);
      await world.asSuperuser(/^Run (.*;) on the target\.$/.exec(found[0]!.remedy!)![1]!);
      expect(await differences()).toEqual([]);
    } finally {
      await world.asSuperuser(
        ...['shop_a', 'shop_b'].flatMap((slot) => [
          `ALTER ROLE ${slot} NOBYPASSRLS INHERIT CONNECTION LIMIT -1`,
          ...['search_path', 'statement_timeout', 'my.words', 'work_mem', '"TimeZone"'].map(
            (setting) => `ALTER ROLE ${slot} RESET ${setting}`,
          ),
          `ALTER ROLE ${slot} IN DATABASE shop RESET work_mem`,
          `REVOKE "Reporting" FROM ${slot}`,
        ]),
      );
    }
  });

  it.each([
    ['a table', 'GRANT SELECT ON orders TO shop_a', 'table public.orders', 'REVOKE ALL ON orders FROM shop_a'],
    [
      'a column',
      'GRANT SELECT (id) ON orders TO shop_b',
      'column id of table public.orders',
      'REVOKE ALL (id) ON orders FROM shop_b',
    ],
    [
      'a sequence',
      'GRANT USAGE ON SEQUENCE numbers TO shop_a',
      'sequence public.numbers',
      'REVOKE ALL ON numbers FROM shop_a',
    ],
    [
      'a database',
      'GRANT TEMP ON DATABASE postgres TO shop_a',
      'database postgres',
      'REVOKE ALL ON DATABASE postgres FROM shop_a',
    ],
    [
      'what will be made',
      'ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner GRANT SELECT ON TABLES TO shop_a',
      'default privileges on new relations belonging to role shop_owner',
      'ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner REVOKE SELECT ON TABLES FROM shop_a',
    ],
    [
      'a policy',
      'CREATE POLICY mine ON orders TO shop_a',
      'policy mine on table public.orders',
      'DROP POLICY mine ON orders',
    ],
  ])('finds a grant on %s', async (_, bring, words, undo) => {
    await world.asSuperuser(bring);
    const found = await differences();
    await world.asSuperuser(undo);
    expect(found).toMatchObject([{ level: 'warning', message: expect.stringContaining(`A grant on ${words} is `) }]);
    expect(await differences()).toEqual([]);
  });

  it('says how many more there are than a person reads', async () => {
    const names = Array.from({ length: 25 }, (_, at) => `many.n${at}`);
    await world.asSuperuser(...names.map((name) => `ALTER ROLE shop_a SET ${name} = 'x'`));
    const found = await differences();
    await world.asSuperuser('ALTER ROLE shop_a RESET ALL', 'ALTER ROLE shop_a SET role = shop_owner');
    expect(found).toHaveLength(21);
    expect(found.at(-1)!.message).toBe('shop_a and shop_b differ in 5 more ways.');
  });
});
