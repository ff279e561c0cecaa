import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { Secret } from '@dsops/kernel';
import type { DatabaseOptions } from '@dsops/database';

export interface TestDatabase {
  /** What `connect` takes; the password is that of every service's role. */
  readonly options: DatabaseOptions;
  /** URL of the superuser for this database, for looking behind the scenes. */
  readonly adminUrl: string;
  drop(): Promise<void>;
}

function testServer(): { port: number; password: string } {
  const stated = process.env.DSOPS_TEST_SERVER;
  if (stated === undefined) throw new Error('The test server is not running: start the tests with `pnpm test`.');
  return JSON.parse(stated) as { port: number; password: string };
}

/** URL of the superuser of the run's server, for tests that need a database or roles of their own making. */
export const testServerUrl = (database = 'postgres'): string => {
  const { port, password } = testServer();
  return `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
};

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: testServerUrl() });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A database of one's own: a clone of the migrated template, all schemas and roles included. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { port, password } = testServer();
  const database = `test_${randomBytes(6).toString('hex')}`;
  await onServer(`create database ${database} template dsops_template strategy file_copy`);
  return {
    options: { host: '127.0.0.1', port, database, password: new Secret(password), poolSize: 5, isThrowaway: true },
    adminUrl: testServerUrl(database),
    drop: () => onServer(`drop database if exists ${database} with (force)`),
  };
}
