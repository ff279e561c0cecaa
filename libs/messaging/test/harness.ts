import pg from 'pg';
import { connect, type Database } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { createLogger } from '@dsops/platform';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';
import type { ConformanceHarness } from '../src/conformance/world.js';
import { EmbeddedTransport } from '../src/index.js';

const logger = createLogger({ service: 'messaging', level: process.env.DSOPS_TEST_LOG ?? 'silent' });

export interface EmbeddedHarness extends ConformanceHarness {
  readonly database: TestDatabase;
  /** The superuser, for looking behind the scenes. */
  readonly admin: pg.Client;
}

/** A database of its own with the embedded transport: the clients are those of production, on real roles. */
export async function openHarness(): Promise<EmbeddedHarness> {
  const database = await createTestDatabase();
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  // One generated client serves every role: messaging speaks plain SQL and uses none of its models.
  const clientOf = (schema: 'rotation' | 'notification') =>
    connect(PrismaClient, schema, { ...database.options, poolSize: 10 }) as unknown as Database;
  const producer = clientOf('rotation');
  const consumer = clientOf('notification');
  let opened = 0;
  return {
    database,
    admin,
    producer,
    consumer,
    logger,
    execute: async (statement) => void (await admin.query(statement)),
    openTransport: async () => {
      const name = `transport ${(opened += 1)}`;
      const transport = new EmbeddedTransport({ ...database.options, poolSize: 10, logger, pollMs: 50, name });
      let isClosed = false;
      const close = async () => {
        if (!isClosed) await transport.close();
        isClosed = true;
      };
      // Its connections break in the middle of whatever they do; then it is no longer asked for anything.
      const kill = async () => {
        const closing = close();
        await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [name]);
        await closing;
      };
      return { transport, close, kill };
    },
    close: async () => {
      await producer.$disconnect();
      await consumer.$disconnect();
      await admin.end();
      await database.drop();
    },
  };
}
