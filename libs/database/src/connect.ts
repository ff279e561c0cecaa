import { createHash } from 'node:crypto';
import type { PrismaPg } from '@prisma/adapter-pg';
import { TellingPg, withDirectSql } from './direct-sql.js';
import { loginOf, openPool, type DatabaseOptions } from './postgres.js';
import type { SchemaName } from './schemas.js';

/** Statements are prepared once per connection under the hash of their text: twice as fast as parsing each time. */
const statementName = ({ sql }: { sql: string }): string => {
  const known = statementNames.get(sql);
  if (known !== undefined) return known;
  const name = `s${createHash('sha1').update(sql).digest('base64url')}`;
  if (statementNames.size < 2_000) statementNames.set(sql, name); // texts are few, unless somebody builds them
  return name;
};
const statementNames = new Map<string, string>();

/** Also how long a query, or a transaction, waits for a free connection of the pool. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A process that is stopped in the middle of a transaction must not hold up those that go on by keeping its locks. */
const IDLE_IN_TRANSACTION_MS = 15_000;

const SETTINGS = {
  // Prisma's adapter takes the wall clock of a session for UTC, whatever zone stands behind it; the server may have any.
  TimeZone: 'UTC',
  idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
};

/** The class that is generated from a service's schema. */
export type ClientClass<Client> = new (options: {
  adapter: PrismaPg;
  transactionOptions: { maxWait: number };
}) => Client;

/**
 * The generated client of one service, logged in with that service's own role.
 * @example const db = connect(PrismaClient, 'audit', options)
 */
export function connect<Client extends object>(
  PrismaClient: ClientClass<Client>,
  schema: SchemaName,
  options: DatabaseOptions,
): Client {
  const pool = openPool({
    ...loginOf(schema, options),
    max: options.poolSize ?? 10,
    application_name: `dsops ${schema}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    settings: SETTINGS,
  });
  const adapter = new TellingPg(pool, { schema, statementNameGenerator: statementName });
  const client = new PrismaClient({ adapter, transactionOptions: { maxWait: CONNECT_TIMEOUT_MS } });
  return withDirectSql(client, adapter, pool);
}

/** SQLSTATE of a failed statement, wherever Prisma has put it; undefined when the error is none of the database's. */
export function sqlState(error: unknown): string | undefined {
  const meta = (
    error as { meta?: { code?: string; driverAdapterError?: { cause?: { originalCode?: string } } } } | null
  )?.meta;
  return meta?.driverAdapterError?.cause?.originalCode ?? meta?.code;
}
