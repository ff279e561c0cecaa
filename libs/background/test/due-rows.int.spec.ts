import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { columns, connect, sql, type Database } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';
import { DueRows, type Held } from '../src/index.js';

const LEASE_MS = 60_000;
const ALL = sql`true`;
interface Room {
  readonly room: string;
}
const ROOM = columns<Room>({ room: 'room' });

describe('due rows', () => {
  let home: TestDatabase;
  let admin: pg.Client;
  let database: Database;
  const chores = new DueRows({
    ...{ table: 'chores', key: 'id', due: 'due_at', lease: 'lease_until', fence: 'fence' },
    open: sql`not is_done`,
    longestLeaseMs: LEASE_MS,
  });

  beforeAll(async () => {
    home = await createTestDatabase();
    admin = new pg.Client({ connectionString: home.adminUrl });
    await admin.connect();
    database = connect(PrismaClient, 'rotation', home.options);
    await admin.query(`create table rotation.chores (id text primary key, room text not null default 'hall',
      is_done boolean not null default false, due_at timestamptz(3), lease_until timestamptz(3),
      fence bigint not null default 0);
      grant all on rotation.chores to dsops_rotation`);
  });
  beforeEach(() => admin.query('truncate rotation.chores'));
  afterAll(async () => {
    await database.$disconnect();
    await admin.end();
    await home.drop();
  });

  /** @param due an expression of SQL, seen from now: `- 1 second`; null: it rests */
  const add = (id: string, due: string | null = '- 1 second') =>
    admin.query(`insert into rotation.chores (id, due_at) values ($1, clock_timestamp() + $2::interval)`, [id, due]);
  const claim = () => chores.claim<Room>(database, LEASE_MS, ALL, ROOM);
  const claimed = async (): Promise<Held> => {
    const held = await claim();
    if (held === null) throw new Error('Nothing is due.');
    return held;
  };
  const passTime = (column: 'due_at' | 'lease_until', by: string) =>
    admin.query(`update rotation.chores set ${column} = ${column} - $1::interval`, [by]);

  it('are claimed one after the other, the longest due first, and not before their time', async () => {
    await add('later', '10 minutes');
    await add('second', '- 1 second');
    await add('first', '- 1 minute');
    await add('resting', null);
    expect(await claim()).toEqual({ key: 'first', fence: 1n, room: 'hall' });
    expect(await claim()).toMatchObject({ key: 'second' });
    expect(await claim()).toBeNull();
    await passTime('due_at', '10 minutes');
    expect(await claim()).toMatchObject({ key: 'later' });
    expect(await claim()).toBeNull();
  });

  it('go to one worker each, whoever comes at the same time', async () => {
    for (let nth = 0; nth < 40; nth += 1) await add(`chore ${nth}`);
    const taken: string[] = [];
    const work = async () => {
      for (let held = await claim(); held !== null; held = await claim()) taken.push(held.key);
    };
    await Promise.all(Array.from({ length: 5 }, work));
    expect(taken).toHaveLength(40);
    expect(new Set(taken).size).toBe(40);
  });

  it('are left to workers that can take them, and to nobody when they are not open any more', async () => {
    await add('hall');
    expect(await chores.claim(database, LEASE_MS, sql`room = ${'attic'}`, ROOM)).toBeNull();
    await admin.query('update rotation.chores set is_done = true');
    expect(await claim()).toBeNull();
  });

  it('come back when a lease has run out, and who held them before writes nothing any more', async () => {
    await add('chore');
    const asleep = await claimed();
    await passTime('lease_until', '61 seconds');
    const awake = await claimed();
    expect(awake).toMatchObject({ key: 'chore', fence: 2n });
    expect(await chores.release(database, asleep, { at: null })).toBe(false);
    expect(await claim()).toBeNull();
    expect(await chores.release(database, awake, { afterMs: 0 })).toBe(true);
    expect(await claim()).toMatchObject({ fence: 3n });
  });

  it('come back when their lease was given before the clock was set back', async () => {
    await add('chore');
    await claimed();
    await passTime('lease_until', '- 2 hours');
    expect(await claim()).toMatchObject({ fence: 2n });
  });

  it('wait as long as they are released for', async () => {
    await add('chore');
    await chores.release(database, await claimed(), { afterMs: 60_000 });
    expect(await claim()).toBeNull();
    await passTime('due_at', '61 seconds');
    await chores.release(database, await claimed(), { at: new Date(Date.now() + 3_600_000) });
    expect(await claim()).toBeNull();
    await passTime('due_at', '61 minutes');
    await chores.release(database, await claimed(), { at: null });
    await passTime('due_at', '10 years');
    expect(await claim()).toBeNull();
  });

  it('are due when a hint comes for what they wait for, unless they rest', async () => {
    await add('waiting', '1 hour');
    await add('another', '1 hour');
    await add('resting', null);
    expect(await chores.hint(database, sql`id in ('waiting', 'resting')`)).toBe(1);
    expect(await claim()).toMatchObject({ key: 'waiting' });
    expect(await claim()).toBeNull();
  });

  it('are nobody any more when the only process there is drops the leases of the one before it', async () => {
    await add('chore');
    const before = await claimed();
    expect(await chores.dropLeases(database)).toBe(1);
    expect(await claim()).toMatchObject({ fence: 2n });
    expect(await chores.release(database, before, { at: null })).toBe(false);
  });
});
