import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PrismaClient } from '@dsops/database/gateway';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';
import {
  columns,
  connect,
  execute,
  join,
  query,
  queryOne,
  raw,
  sql,
  sqlState,
  withClient,
  type SqlExecutor,
} from '../src/index.js';

const AT = new Date('2026-07-01T10:00:00.123Z');
const BACKEND = sql`select pg_backend_pid() as pid`;

/** One value of each type that has a reading, and some that are nothing. */
const EVERY_TYPE = sql`
  select 1::int as int, 2::bigint as bigint, 1.5::float8 as double, true as yes, 'ü'::text as text, null::bigint as nothing,
         '{"a": [1]}'::jsonb as jsonb, 'null'::json as json, '\\x00ff'::bytea as bytes, array[1, 2]::int[] as ints,
         array[3, null]::bigint[] as bigints, array['a', null, 'c,"d']::text[] as texts, ${AT}::timestamptz as at,
         array[${AT}::timestamptz] as ats, date '2026-07-01' as date, gen_random_uuid()::text <> '' as uuid`;

describe('plain SQL of a client', () => {
  let home: TestDatabase;
  let client: PrismaClient;
  beforeAll(async () => {
    home = await createTestDatabase();
    // A server of somebody who lives by another clock.
    await withClient(home.adminUrl, (admin) =>
      admin.query(`alter database ${home.options.database} set timezone to 'Europe/Rome'`),
    );
    client = connect(PrismaClient, 'gateway', home.options);
  });
  afterAll(async () => {
    await client.$disconnect();
    await home.drop();
  });
  beforeEach(() => execute(client, sql`delete from open_requests`));

  const add = (to: SqlExecutor, id: string) =>
    execute(
      to,
      sql`insert into open_requests (id, principal, operation, method, path, started_at)
          values (${id}, '{}', 'x', 'GET', '/', ${AT})`,
    );
  const ids = async () => (await client.openRequest.findMany({ orderBy: { id: 'asc' } })).map(({ id }) => id);

  it('reads each type as Prisma does, and an instant whatever the zone of the server', async () => {
    expect(await queryOne(client, EVERY_TYPE)).toEqual({
      int: 1,
      bigint: 2n,
      double: 1.5,
      yes: true,
      text: 'ü',
      nothing: null,
      jsonb: { a: [1] },
      json: null,
      bytes: new Uint8Array([0, 255]),
      ints: [1, 2],
      bigints: [3n, null],
      texts: ['a', null, 'c,"d'],
      at: AT,
      ats: [AT],
      date: new Date('2026-07-01T00:00:00Z'),
      uuid: true,
    });
    const [byPrisma] = await client.$queryRaw<[Record<string, unknown>]>`
      select 2::bigint as bigint, '{"a": [1]}'::jsonb as jsonb, '\\x00ff'::bytea as bytes, now() as at`;
    expect(byPrisma).toMatchObject({ bigint: 2n, jsonb: { a: [1] }, bytes: new Uint8Array([0, 255]) });
    expect(Math.abs((byPrisma.at as Date).getTime() - Date.now())).toBeLessThan(60_000);
  });

  it('refuses a type that it would read wrong', async () => {
    await expect(query(client, sql`select 1.5 as numeric`)).rejects.toThrow('cast it');
    await expect(query(client, sql`select time '10:00' as time`)).rejects.toThrow('cast it');
  });

  it('takes values of each type, and nothing, without their ever being part of the text', async () => {
    const values = {
      text: "'; drop table open_requests; --",
      int: 7,
      float: 0.25,
      big: 2n ** 53n + 1n,
      yes: false,
      at: AT,
      bytes: new Uint8Array([0, 39, 255]),
      texts: ['a', null, '{"c",d'],
      bigs: [1n, null],
      nothing: null,
      absent: undefined,
    };
    const read = await queryOne(
      client,
      sql`select ${values.text}::text as text, ${values.int}::int as int, ${values.float}::float8 as float,
                 ${values.big}::bigint as big, ${values.yes}::boolean as yes, ${values.at}::timestamptz as at,
                 ${values.bytes}::bytea as bytes, ${values.texts}::text[] as texts, ${values.bigs}::bigint[] as bigs,
                 ${values.nothing}::text as nothing, ${values.absent}::timestamptz as absent`,
    );
    expect(read).toEqual({ ...values, absent: null });
  });

  it('is put together of parts, each with its values', async () => {
    const isAbove = (least: number) => sql`n > ${least}`;
    const rows = await query<{ n: number; word: string }>(
      client,
      sql`select n, ${'w'} || n as ${raw('word')} from generate_series(1, ${9}::int) n
           where ${isAbove(3)} and n < ${6} and ${isAbove(2)}`,
    );
    expect(rows).toEqual([
      { n: 4, word: 'w4' },
      { n: 5, word: 'w5' },
    ]);
  });

  it('names the columns of a row, and sets those that are said', async () => {
    await add(client, 'a');
    const changed = { method: 'PUT', path: "/it's" };
    await execute(
      client,
      sql`update open_requests set ${join([sql`method = ${changed.method}`, sql`path = ${changed.path}`])} where id = 'a'`,
    );
    const row = columns<{ method: string; path: string; startedAt: Date }>({
      method: 'method',
      path: 'path',
      startedAt: 'started_at',
    });
    expect(await queryOne(client, sql`select ${row} from open_requests`)).toEqual({ ...changed, startedAt: AT });
  });

  it('is prepared once for all values', async () => {
    await client.$transaction(async (tx) => {
      for (const n of [1, 2, 3]) await query(tx, sql`select ${n}::int as prepared_once`);
      const prepared = sql`
        select count(*)::int as count from pg_prepared_statements where statement like '%::int as prepared_once'`;
      expect(await queryOne(tx, prepared)).toEqual({ count: 1 });
    });
  });

  it('says so where one row was sure and none came', async () => {
    await expect(queryOne(client, sql`select 1 where false`)).rejects.toThrow('answered none');
  });

  it('stands on the connection of its transaction, beside the models', async () => {
    await client.$transaction(async (tx) => {
      expect(await add(tx, 'a')).toBe(1);
      expect((await tx.openRequest.findMany()).map(({ id, startedAt }) => ({ id, startedAt }))).toEqual([
        { id: 'a', startedAt: AT },
      ]);
      const [[direct], [prismas]] = [
        await query(tx, BACKEND),
        await tx.$queryRaw<[object]>`select pg_backend_pid() as pid`,
      ];
      expect(direct).toEqual(prismas);
      expect(await ids()).toEqual([]); // the others see nothing of it yet
    });
    expect(await ids()).toEqual(['a']);
  });

  it('goes with its transaction, or not at all', async () => {
    const work = client.$transaction(async (tx) => {
      await add(tx, 'a');
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect(await ids()).toEqual([]);
  });

  it('does nothing any more once its transaction has ended', async () => {
    let late: Promise<number> | undefined;
    const work = client.$transaction(
      async (tx) => {
        await add(tx, 'a');
        await pause(300);
        late = add(tx, 'b');
        await late;
      },
      { timeout: 100 },
    );
    await expect(work).rejects.toMatchObject({ code: 'P2028' });
    while (late === undefined) await pause(10);
    await expect(late).rejects.toThrow();
    expect(await ids()).toEqual([]);
  });

  it('knows its transaction while others begin and end within it', async () => {
    await client.$transaction(async (outer) => {
      const backend = await query(outer, BACKEND);
      await client.$transaction(async (inner) => {
        expect(await query(inner, BACKEND)).not.toEqual(backend);
        await add(inner, 'inner');
      });
      // A list of statements is a transaction of Prisma's own.
      const asleep = client.$transaction([client.openRequest.count(), client.$queryRaw`select pg_sleep(0.3)::text`]);
      for (let looks = 0; looks < 10; looks += 1, await pause(20)) expect(await query(outer, BACKEND)).toEqual(backend);
      await asleep;
      expect(await query(outer, BACKEND)).toEqual(backend);
      await add(outer, 'outer');
    });
    expect(await ids()).toEqual(['inner', 'outer']);
  });

  it('fails with the state of the database, alone and in a transaction, and a savepoint mends it', async () => {
    await add(client, 'a');
    const twice = await add(client, 'a').catch((error: unknown) => error);
    expect(twice).toMatchObject({ name: 'SqlError', code: '23505' });
    expect(sqlState(twice)).toBe('23505');
    await client.$transaction(async (tx) => {
      await execute(tx, sql`savepoint before`);
      await expect(add(tx, 'a')).rejects.toMatchObject({ code: '23505' });
      await execute(tx, sql`rollback to savepoint before`);
      await add(tx, 'b');
    });
    expect(await ids()).toEqual(['a', 'b']);
  });

  it('says as Prisma does when no server is there', async () => {
    const lost = connect(PrismaClient, 'gateway', { ...home.options, port: 1 });
    const kind = { meta: { driverAdapterError: { cause: { kind: 'DatabaseNotReachable' } } } };
    await expect(query(lost, sql`select 1`)).rejects.toMatchObject(kind);
    await lost.$disconnect();
    await lost.$disconnect();
  });

  it('goes past Prisma, alone and in a transaction, and models do not', async () => {
    const seen: string[] = [];
    const logging = connect(
      class extends PrismaClient {
        constructor(options: ConstructorParameters<typeof PrismaClient>[0]) {
          super({ ...options, log: [{ emit: 'event', level: 'query' }] } as never);
          (this as unknown as { $on: (event: string, listener: (query: { query: string }) => void) => void }).$on(
            'query',
            ({ query }) => seen.push(query),
          );
        }
      },
      'gateway',
      home.options,
    );
    await logging.$transaction(async (tx) => void (await query(tx, sql`select 41`)));
    await query(logging, sql`select 42`);
    await logging.openRequest.count();
    await logging.$disconnect();
    expect(seen.filter((query) => /select 4/.test(query))).toEqual([]);
    expect(seen).not.toEqual([]);
  });
});
