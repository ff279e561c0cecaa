import pg from 'pg';
import { unwrapSecret, type Secret } from '@dsops/kernel';
import { makeOwn, type SessionSettings } from './own-session.js';
import { roleOf, type SchemaName } from './schemas.js';

export interface DatabaseOptions {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly password: Secret;
  /** Connections at most; 10 unless said. */
  readonly poolSize?: number;
  /** What is in it may be lost with its server, as in tests: readiness does not ask for `fsync` then. */
  readonly isThrowaway?: boolean;
}

/** How a service logs in: with its own role. */
export const loginOf = (schema: SchemaName, { host, port, database, password }: DatabaseOptions): pg.ClientConfig => ({
  host,
  port,
  database,
  user: roleOf(schema),
  password: unwrapSecret(password),
});

/**
 * A pool of connections that are our own ({@link makeOwn}), and break in their queries and nowhere else. A server that
 * ends says so in the middle of anything: whoever uses the connection is told by its next query, and between the moments
 * at which somebody listens the same word would end the process.
 * @param onIdleError told of a connection that broke while nobody used it
 */
export function openPool(
  { settings, ...config }: pg.PoolConfig & { readonly settings?: SessionSettings },
  onIdleError: (error: Error) => void = () => undefined,
): pg.Pool {
  // The types know it without its answer; the pool waits for it (pg-pool, `newClient`).
  const onConnect = (client: pg.ClientBase): unknown => makeOwn(client, settings);
  const pool = new pg.Pool({ ...config, onConnect });
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', onIdleError);
  return pool;
}

/** Opens one connection of our own, which breaks in its queries and nowhere else, and closes it after `use`. */
export async function withClient<T>(
  config: string | pg.ClientConfig,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(config);
  client.on('error', () => undefined);
  try {
    await client.connect();
    await makeOwn(client);
    return await use(client);
  } finally {
    await client.end().catch(() => undefined); // it broke, which its query has told
  }
}
