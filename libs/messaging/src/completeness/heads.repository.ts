import type { ServiceName } from '@dsops/contracts/service-names';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { type Database, execute, query, queryOne, raw, sql, type SqlExecutor } from '@dsops/database';
import { readEventsAbove } from '../outbox/outbox.repository.js';
import { HEADS_PER_PAGE, type EventsQuery, type HeadsAnswer, type HeadsRequest } from './heads.js';

/** An answer with events stops growing here; the next one goes on. */
const ANSWER_BYTES = 2 * 1024 * 1024;

/**
 * Notes what the consumer has settled, and answers the heads of keys that changed since its last pass.
 *
 * "Since" is told by transactions, not by time: `asOf` is the oldest transaction that was still running, so whatever was
 * invisible to this pass is at or above it and comes with the next one. A number from another database server is too high
 * to be ours, and then every key is answered.
 */
export async function answerHeads(database: Database, request: HeadsRequest): Promise<HeadsAnswer> {
  return database.$transaction(async (tx) => {
    await noteCursors(tx, request);
    const { asOf } = await queryOne<{ asOf: string }>(
      tx,
      sql`select pg_snapshot_xmin(pg_current_snapshot())::text as "asOf"`,
    );
    const { since = null, after } = request;
    const { topic = null, key = null } = after ?? {};
    const heads = await query<{ topic: string; key: string; epoch: number; sequence: string }>(
      tx,
      sql`select topic, key, epoch, head::text as sequence from sequence_counters
        where topic = any(${request.topics}::text[])
          and (${since}::text is null or changed_in >= ${since}::xid8
               or ${since}::xid8 > pg_snapshot_xmax(pg_current_snapshot()))
          and (${topic}::text is null or (topic, key) > (${topic}, ${key}::text))
        order by topic, key limit ${raw(String(HEADS_PER_PAGE))}`,
    );
    const last = heads.at(-1);
    const next = heads.length === HEADS_PER_PAGE && last !== undefined ? { topic: last.topic, key: last.key } : null;
    return { asOf, heads, next };
  });
}

/** Events of one key above a place, in order, as they were published: at least one if there is one. */
export async function answerEvents(
  database: SqlExecutor,
  service: ServiceName,
  query: EventsQuery,
): Promise<{ events: EventEnvelope[] }> {
  const { topic, key, epoch, after, limit } = query;
  const events = await readEventsAbove(database, service, { topic, key, epoch, sequence: BigInt(after) }, limit);
  let bytes = 0;
  return {
    events: events.filter((event, nth) => (bytes += JSON.stringify(event).length) <= ANSWER_BYTES || nth === 0),
  };
}

async function noteCursors(tx: SqlExecutor, { consumer, cursors }: HeadsRequest): Promise<void> {
  await execute(
    tx,
    sql`insert into subscribers (consumer, reported_at) values (${consumer}, now())
     on conflict (consumer) do update set reported_at = now()`,
  );
  if (cursors.length === 0) return;
  // The last word counts, also when it is a lower one: a consumer that was restored needs its events again.
  await execute(
    tx,
    sql`insert into reported_cursors (consumer, topic, key, epoch, sequence)
     select ${consumer}, * from unnest(
       ${cursors.map(({ topic }) => topic)}::text[],
       ${cursors.map(({ key }) => key)}::text[],
       ${cursors.map(({ epoch }) => epoch)}::integer[],
       ${cursors.map(({ sequence }) => sequence)}::text[]::bigint[]
     ) as c(topic, key, epoch, sequence)
      order by c.topic, c.key
     on conflict (consumer, topic, key) do update set epoch = excluded.epoch, sequence = excluded.sequence`,
  );
}

/**
 * A retired consumer holds up no pruning any more. What it has not settled by then may go.
 * @returns false when this producer has never heard of it
 */
export async function retireSubscriber(database: SqlExecutor, consumer: string): Promise<boolean> {
  const retired = await execute(
    database,
    sql`update subscribers set retired_at = coalesce(retired_at, now()) where consumer = ${consumer}`,
  );
  return retired === 1;
}
