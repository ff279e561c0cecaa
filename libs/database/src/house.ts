import { DomainError } from '@dsops/kernel';
import type { Database, SqlExecutor } from './database.js';
import { wordOutage } from './outage.js';
import { execute, queryOne, sql } from './sql.js';

/** What the server promises about what it has answered. */
export interface DurabilitySettings {
  readonly fsync: string;
  readonly fullPageWrites: string;
  /** Of our own session, after it was made durable. */
  readonly synchronousCommit: string;
  /** A server that is itself a standby takes no writes. */
  readonly isStandby: boolean;
}

/** Something that is not as it should be with what we stand on. `error`: nothing may go on so. */
export interface HouseFinding {
  readonly level: 'warning' | 'error';
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** What is wrong with these settings; null when nothing is. The worst is said. */
export function judgeDurability(settings: DurabilitySettings): HouseFinding | null {
  if (settings.isStandby)
    return {
      level: 'error',
      code: 'database_standby',
      message: 'The database of dsops is a standby, which takes no writes.',
      remedy: 'Give dsops the address of the primary (DSOPS_DATABASE_HOST), or promote this server.',
    };
  if (settings.fsync === 'off')
    return {
      level: 'error',
      code: 'database_not_durable',
      message:
        'The database of dsops runs with fsync = off: a crash of its machine may lose sealed passwords that a target already has.',
      remedy: "On that server run: ALTER SYSTEM SET fsync = 'on'; SELECT pg_reload_conf();",
    };
  if (!['on', 'remote_apply'].includes(settings.synchronousCommit))
    return {
      level: 'error',
      code: 'commit_not_durable',
      message: `Sessions of dsops have synchronous_commit = ${settings.synchronousCommit}: a commit may be lost after it was answered.`,
      remedy: 'Something between dsops and its database changes settings of sessions: take it away.',
    };
  if (settings.fullPageWrites === 'off')
    return {
      level: 'warning',
      code: 'pages_may_tear',
      message:
        'The database of dsops runs with full_page_writes = off: a crash of its machine may tear pages, unless its disk writes 8 kB at once.',
      remedy: "On that server run: ALTER SYSTEM SET full_page_writes = 'on'; SELECT pg_reload_conf();",
    };
  return null;
}

/** Twice what a statement may keep in memory below, so that it reaches the disk. */
const PROBE_PAGES = 32;

/**
 * Looks whether the database can be worked with: it answers, its disk takes a write, and it promises what we need.
 * @param isThrowaway durability is not asked for; see {@link DatabaseOptions.isThrowaway}
 * @returns what is not good, and no reason to stop
 * @throws DomainError `database_full`, `database_unavailable`, `database_not_durable` …; others as they come
 */
export async function examineDatabase(database: Database, isThrowaway = false): Promise<HouseFinding | null> {
  const settings = await inWords(() =>
    database.$transaction(async (tx) => {
      await writeAndForget(tx);
      return queryOne<DurabilitySettings>(
        tx,
        sql`select current_setting('fsync') as fsync, current_setting('full_page_writes') as "fullPageWrites",
                   current_setting('synchronous_commit') as "synchronousCommit", pg_is_in_recovery() as "isStandby"`,
      );
    }),
  );
  const finding = isThrowaway ? null : judgeDurability(settings);
  if (finding?.level !== 'error') return finding;
  const { code, message, remedy } = finding;
  throw new DomainError(code, 'unavailable', message, { about: 'database', remedy });
}

/**
 * Within a transaction, which cannot go on when it throws.
 * @throws DomainError `database_full` when the disk takes nothing more
 */
export const probeDisk = (tx: SqlExecutor): Promise<void> => inWords(() => writeAndForget(tx));

/** A temporary file of a quarter of a megabyte, gone with the statement: nothing else tells a full disk without a trace. */
async function writeAndForget(tx: SqlExecutor): Promise<void> {
  await execute(tx, sql`select set_config('work_mem', '64kB', true)`);
  await execute(
    tx,
    sql`with filler as materialized (select repeat('x', 8192 + n) as page from generate_series(1, ${PROBE_PAGES}::int) n)
        select max(length(page)) from filler`,
  );
}

async function inWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw wordOutage(error);
  }
}
