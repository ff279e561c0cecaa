import { execute, query, sql, type SqlExecutor } from '@dsops/database';
import type { Coordinates } from '../coordinates.js';
import type { KeyOf } from '../inbox/inbox.repository.js';

/** Cursors that the producers have not been told of yet, or all of them. */
export const cursorsToReport = (
  database: SqlExecutor,
  consumer: string,
  topics: readonly string[],
  { isFull, after, limit }: { isFull: boolean; after: KeyOf | undefined; limit: number },
): Promise<Coordinates[]> => {
  const { topic = null, key = null } = after ?? {};
  return query<Coordinates>(
    database,
    sql`select topic, key, epoch, sequence from consumer_cursors
      where consumer = ${consumer} and topic = any(${topics}::text[]) and sequence > 0
        and (${isFull}::boolean or (epoch, sequence) is distinct from (reported_epoch, reported_sequence))
        and (${topic}::text is null or (topic, key) > (${topic}, ${key}::text))
      order by topic, key limit ${limit}`,
  );
};

/** The producer has noted these. */
export async function markReported(
  database: SqlExecutor,
  consumer: string,
  reported: readonly Coordinates[],
): Promise<void> {
  if (reported.length === 0) return;
  await execute(
    database,
    sql`update consumer_cursors c set reported_epoch = r.epoch, reported_sequence = r.sequence
       from unnest(
         ${reported.map(({ topic }) => topic)}::text[],
         ${reported.map(({ key }) => key)}::text[],
         ${reported.map(({ epoch }) => epoch)}::integer[],
         ${reported.map(({ sequence }) => String(sequence))}::text[]::bigint[]
       ) as r(topic, key, epoch, sequence)
      where c.consumer = ${consumer} and c.topic = r.topic and c.key = r.key`,
  );
}

export interface Standpoint extends Coordinates {
  /** The next event waits here already, for its retry or for a person: nothing has to be fetched. */
  readonly isNextHere: boolean;
  /** The first event that waits here in the cursor's epoch; what is missing ends before it. Null: nothing waits. */
  readonly firstWaiting: bigint | null;
}

/** How far the consumer is with these keys, in the order asked; keys that it does not know are at 0. */
export const standpoints = (database: SqlExecutor, consumer: string, keys: readonly KeyOf[]): Promise<Standpoint[]> =>
  query<Standpoint>(
    database,
    sql`select k.topic, k.key, c.epoch, c.sequence, p.sequence as "firstWaiting",
            coalesce(p.sequence = c.sequence + 1 and p.state <> 'unknown', false) as "isNextHere"
       from unnest(
         ${keys.map(({ topic }) => topic)}::text[],
         ${keys.map(({ key }) => key)}::text[]
       ) with ordinality as k(topic, key, nth)
       left join consumer_cursors s on s.consumer = ${consumer} and s.topic = k.topic and s.key = k.key
      cross join lateral (select coalesce(s.epoch, 1) as epoch, coalesce(s.sequence, 0) as sequence) c
       left join lateral (
         select w.sequence, w.state from parked w
          where w.consumer = ${consumer} and w.topic = k.topic and w.key = k.key
            and w.epoch = c.epoch and w.sequence > c.sequence
          order by w.sequence limit 1) p on true
      order by k.nth`,
  );

/** The start of a consumer at the present heads: what lies below is history that it never asks for. */
export async function startAtHeads(
  tx: SqlExecutor,
  consumer: string,
  heads: readonly { topic: string; key: string; epoch: number; sequence: string }[],
): Promise<void> {
  await execute(
    tx,
    sql`insert into consumer_cursors (consumer, topic, key, epoch, sequence, start_sequence)
     select ${consumer}, h.topic, h.key, h.epoch, h.sequence, h.sequence
       from unnest(
         ${heads.map(({ topic }) => topic)}::text[],
         ${heads.map(({ key }) => key)}::text[],
         ${heads.map(({ epoch }) => epoch)}::integer[],
         ${heads.map(({ sequence }) => sequence)}::text[]::bigint[]
       ) as h(topic, key, epoch, sequence)
      order by h.topic, h.key
     on conflict do nothing`,
  );
}
