import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PrismaClient } from '@dsops/database/rotation';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';
import { connect, execute, query, sql } from '../src/index.js';

/** Longer than the two seconds that Prisma would wait by itself. */
const BUSY_S = 3;

/** Ends of the server's words: that it is ready, and that it ends, as the protocol has them (PostgreSQL manual, 54.7). */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
const ENDING = (() => {
  const fields = Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0');
  const length = Buffer.alloc(4);
  length.writeInt32BE(fields.length + 4);
  return Buffer.concat([Buffer.from('E'), length, fields]);
})();

/** Between a client and its server: in one breath with the first word that it is ready, the server says that it ends. */
async function dyingServer(port: number): Promise<Server> {
  const server = createServer((client) => {
    const upstream = createConnection(port, '127.0.0.1');
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.pipe(upstream);
    upstream.on('data', (words) => {
      if (!words.subarray(-READY.length).equals(READY)) return void client.write(words);
      client.end(Buffer.concat([words, ENDING]));
      upstream.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe('a client of the database', () => {
  let home: TestDatabase;
  let client: PrismaClient;
  beforeAll(async () => {
    home = await createTestDatabase();
    client = connect(PrismaClient, 'rotation', { ...home.options, poolSize: 1 });
  });
  afterAll(async () => {
    await client.$disconnect();
    await home.drop();
  });

  it('goes on when the server ends at the very moment at which it lets somebody in', async () => {
    const server = await dyingServer(home.options.port);
    const { port } = server.address() as AddressInfo;
    const unlucky = connect(PrismaClient, 'rotation', { ...home.options, port, poolSize: 1 });
    // An error that nobody listens to would end the process, and with it this test.
    await expect(unlucky.$transaction((tx) => query(tx, sql`select 1`))).rejects.toThrow();
    await expect(query(unlucky, sql`select 1`)).rejects.toThrow();
    await unlucky.$disconnect();
    server.close();
  });

  it('waits for a connection while all of them are busy, with a transaction as with a query', async () => {
    const busy = client.$transaction((tx) => execute(tx, sql`select pg_sleep(${BUSY_S})`));
    const waited = client.$transaction((tx) => query<{ one: number }>(tx, sql`select 1 as one`));
    await busy;
    expect(await waited).toEqual([{ one: 1 }]);
  }, 20_000);
});
