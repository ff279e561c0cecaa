import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { PrismaClient } from '@dsops/database/rotation';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';
import { connect, loginOf, openPool, query, sql, waitForDatabase, withClient } from '../src/index.js';

/** As a role or a database of ours may be set by somebody else; the test server's own default is `off`. */
const WEAK = ['off', 'local', 'remote_write'];
const ASKED = `select current_setting('synchronous_commit') as level`;
type Level = { level: string };

describe('a commit of ours', () => {
  let home: TestDatabase;
  let admin: pg.Client;
  let name: string;
  beforeAll(async () => {
    home = await createTestDatabase();
    name = home.options.database;
    admin = new pg.Client({ connectionString: home.adminUrl });
    await admin.connect();
  });
  afterAll(async () => {
    await admin.end();
    await home.drop();
  });

  const setDefaults = async (level: string) => {
    await admin.query(`alter database ${name} set synchronous_commit = ${level}`);
    for (const role of ['dsops_rotation', 'dsops_delivery', 'postgres'])
      await admin.query(`alter role ${role} in database ${name} set synchronous_commit = ${level}`);
  };

  /** Of every way in which something of ours writes. */
  const levels = async (): Promise<string[]> => {
    const client = connect(PrismaClient, 'rotation', { ...home.options, poolSize: 1 });
    const pool = openPool(loginOf('delivery', home.options));
    try {
      const inQuery = await query<Level>(client, sql`select current_setting('synchronous_commit') as level`);
      const inTransaction = await client.$transaction((tx) =>
        query<Level>(tx, sql`select current_setting('synchronous_commit') as level`),
      );
      const inPool = await pool.query<Level>(ASKED);
      const asAdmin = await withClient(home.adminUrl, (one) => one.query<Level>(ASKED));
      return [...inQuery, ...inTransaction, ...inPool.rows, ...asAdmin.rows].map(({ level }) => level);
    } finally {
      await client.$disconnect();
      await pool.end();
    }
  };

  it.each(WEAK)('is on disk when it is answered, though role and database say %s', async (level) => {
    await setDefaults(level);
    expect(await levels()).toEqual(['on', 'on', 'on', 'on']);
  });

  it('is seen on a standby as well where that is asked for', async () => {
    await setDefaults('remote_apply');
    expect(await levels()).toEqual(['remote_apply', 'remote_apply', 'remote_apply', 'remote_apply']);
  });

  it('stays so in the sessions of Prisma beside the settings that its adapter needs', async () => {
    await admin.query(`alter database ${name} set timezone = 'Asia/Tokyo'`);
    const client = connect(PrismaClient, 'rotation', { ...home.options, poolSize: 1 });
    const [settings] = await query<{ zone: string; idle: string }>(
      client,
      sql`select current_setting('TimeZone') as zone, current_setting('idle_in_transaction_session_timeout') as idle`,
    );
    await client.$disconnect();
    expect(settings).toEqual({ zone: 'UTC', idle: '15s' });
  });
});

describe('a pooler before our database', () => {
  it('is refused in words that name it, by whoever connects', async () => {
    const home = await createTestDatabase();
    // A pooler answers the login itself: it names a process of its own. Here one byte of that number is changed.
    const between = createServer((client) => {
      const upstream = createConnection(home.options.port, '127.0.0.1');
      for (const socket of [client, upstream]) socket.on('error', () => undefined);
      client.pipe(upstream);
      upstream.on('data', (chunk: Buffer) => {
        const at = chunk.indexOf(Buffer.from([0x4b, 0, 0, 0])); // BackendKeyData
        if (at >= 0) chunk[at + 8]! ^= 0x55;
        client.write(chunk);
      });
      client.once('close', () => upstream.destroy());
    }).listen(0, '127.0.0.1');
    await once(between, 'listening');
    const pooled = { ...home.options, port: (between.address() as AddressInfo).port };
    const refusal = { code: 'database_pooled', message: expect.stringContaining('pgbouncer') };

    const signal = new AbortController().signal;
    await expect(waitForDatabase('rotation', pooled, { onWaiting: () => undefined, signal })).rejects.toMatchObject(
      refusal,
    );
    const pool = openPool(loginOf('delivery', pooled));
    await expect(pool.query('select 1')).rejects.toMatchObject(refusal);
    await pool.end();
    between.close();
    await home.drop();
  });
});
