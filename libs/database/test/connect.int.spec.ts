import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PrismaClient } from '@dsops/database/rotation';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';
import { connect } from '../src/index.js';

/** Longer than the two seconds that Prisma would wait by itself. */
const BUSY_S = 3;

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

  it('waits for a connection while all of them are busy, with a transaction as with a query', async () => {
    const busy = client.$transaction((tx) => tx.$executeRawUnsafe(`select pg_sleep(${BUSY_S})`));
    const waited = client.$transaction((tx) => tx.$queryRawUnsafe<{ one: number }[]>('select 1 as one'));
    await busy;
    expect(await waited).toEqual([{ one: 1 }]);
  }, 20_000);
});
