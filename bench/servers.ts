import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type pg from 'pg';
import { migrate, openPool, startPostgres, type DatabaseOptions, type PostgresServer } from '@dsops/database';
import { Secret } from '@dsops/kernel';
import type { Bench } from './bench.js';

const DATABASE = 'dsops';

/** Our database: a server with durable settings and every schema migrated. */
export interface OurDatabase {
  readonly server: PostgresServer;
  /** For every role of a service. */
  readonly options: DatabaseOptions;
  /** As superuser, for looking behind the scenes. */
  readonly admin: pg.Pool;
}

/** A PostgreSQL of its own with durable settings, which ends with the bench. */
export async function startDurableServer(
  bench: Bench,
  folder: string,
  name: string,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<PostgresServer> {
  const password = new Secret(randomBytes(24).toString('base64url'));
  const server = await startPostgres({
    dataDir: join(folder, name),
    password,
    settings: { max_connections: 200, ...settings },
  });
  bench.onEnd(() => server.stop());
  return server;
}

export async function startOurDatabase(
  bench: Bench,
  folder: string,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<OurDatabase> {
  const server = await startDurableServer(bench, folder, 'ours', settings);
  const password = new Secret(randomBytes(24).toString('base64url'));
  const postgres = superuserPool(bench, server.url());
  await postgres.query(`create database ${DATABASE}`);
  await migrate({ adminUrl: server.url(DATABASE), passwordOf: () => password });
  const admin = superuserPool(bench, server.url(DATABASE));
  await assertDurable(admin, 'our database');
  return { server, admin, options: { host: '127.0.0.1', port: server.port, database: DATABASE, password } };
}

/** Few connections: whoever looks from outside must not take what is measured its room. */
export function superuserPool(bench: Bench, url: string, max = 3): pg.Pool {
  const pool = openPool({ connectionString: url, max, application_name: 'dsops bench' });
  bench.onEnd(() => pool.end());
  return pool;
}

/** Figures of a server that may lose what it has promised are worth nothing. */
export async function assertDurable(pool: pg.Pool, which: string): Promise<void> {
  for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) {
    const { rows } = await pool.query<Record<string, string>>(`show ${setting}`);
    if (rows[0]?.[setting] !== 'on') throw new Error(`${setting} is off at ${which}.`);
  }
}
