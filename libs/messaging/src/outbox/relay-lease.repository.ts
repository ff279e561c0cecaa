import { execute, query, sql, type SqlExecutor } from '@dsops/database';
import { hasCome } from '@dsops/background';

/** The longest that a refused key is held back. */
export const LONGEST_BACK_OFF_MS = 60_000;

/** The right to publish, on the database's time. A later holder has a higher fence. */
export interface RelayLease {
  readonly holder: string;
  readonly fence: bigint;
}

/** Takes the lease when it is free or has run out; undefined when another relay holds it. */
export async function takeLease(database: SqlExecutor, holder: string, ttlMs: number): Promise<RelayLease | undefined> {
  const rows = await query<{ fence: bigint }>(
    database,
    sql`insert into relay_lease as l (holder, fence, expires_at)
     values (${holder}, 1, now() + ${ttlMs} * interval '1 millisecond')
     on conflict (only_row) do update
        set holder = excluded.holder, fence = l.fence + 1, expires_at = excluded.expires_at
      where ${hasCome('l.expires_at', ttlMs)}
     returning fence`,
  );
  return rows[0] && { holder, fence: rows[0].fence };
}

/** Renews the lease, also one that has run out and that nobody else wanted. False when it was lost. */
export async function renewLease(database: SqlExecutor, lease: RelayLease, ttlMs: number): Promise<boolean> {
  const renewed = await execute(
    database,
    sql`update relay_lease set expires_at = now() + ${ttlMs} * interval '1 millisecond'
      where fence = ${String(lease.fence)}::bigint`,
  );
  return renewed === 1;
}

/** Gives the lease back, so that the next relay need not wait until it has run out. */
export async function releaseLease(database: SqlExecutor, lease: RelayLease): Promise<void> {
  await execute(
    database,
    sql`update relay_lease set expires_at = now() - interval '1 second' where fence = ${String(lease.fence)}::bigint`,
  );
}

/**
 * Marks entries as sent, if nobody else took the lease: the fence stands in the statement itself, so a relay that was
 * asleep while another took over marks nothing. The commit is not waited for until it is on disk: a mark that is lost with
 * its server costs a second publishing, and a consumer applies that once.
 * @returns whether the lease was still its own
 */
export async function markSent(
  database: SqlExecutor,
  lease: RelayLease,
  positions: readonly bigint[],
): Promise<boolean> {
  if (positions.length === 0) return true;
  const marked = await execute(
    database,
    sql`with lazily as materialized (select set_config('synchronous_commit', 'off', true))
     update outbox o set sent_at = now() from relay_lease l, lazily
      where o.position = any(${positions.map(String)}::text[]::bigint[]) and l.fence = ${String(lease.fence)}::bigint`,
  );
  return marked > 0;
}

export interface RefusedKey {
  readonly topic: string;
  readonly key: string;
  readonly reason: string;
}

/** A refused entry holds back its key only, for 1 s, 2 s, 4 s … up to a minute. */
export async function backOffKeys(
  database: SqlExecutor,
  lease: RelayLease,
  refused: readonly RefusedKey[],
): Promise<void> {
  if (refused.length === 0) return;
  await execute(
    database,
    sql`insert into relay_backoffs as b (topic, key, attempts, retry_at, reason)
     select distinct on (r.topic, r.key) r.topic, r.key, 1, now() + interval '1 second', r.reason
       from unnest(
         ${refused.map((entry) => entry.topic)}::text[],
         ${refused.map((entry) => entry.key)}::text[],
         ${refused.map((entry) => entry.reason)}::text[]
       ) as r(topic, key, reason), relay_lease l
      where l.fence = ${String(lease.fence)}::bigint
     on conflict (topic, key) do update
        set attempts = b.attempts + 1, reason = excluded.reason,
            retry_at = now() + least(power(2, b.attempts) * interval '1 second',
                                     ${LONGEST_BACK_OFF_MS} * interval '1 millisecond')`,
  );
}

/** Keys whose entries were accepted back off no longer. */
export async function clearBackOffs(database: SqlExecutor): Promise<void> {
  await execute(
    database,
    sql`delete from relay_backoffs b
      where not exists (select from outbox o where o.topic = b.topic and o.key = b.key and o.sent_at is null)`,
  );
}

export async function hasBackOffs(database: SqlExecutor): Promise<boolean> {
  const rows = await query<unknown>(database, sql`select 1 from relay_backoffs limit 1`);
  return rows.length > 0;
}
