import { queryOne, sql } from '@dsops/database';
import type { Tx } from './tx.js';

/** Milliseconds since 1970 by the database's clock, the one that leases, grace and check-outs are measured with. */
export async function databaseNowMs(tx: Tx): Promise<number> {
  const { ms } = await queryOne<{ ms: number }>(
    tx,
    sql`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`,
  );
  return Math.trunc(ms);
}
