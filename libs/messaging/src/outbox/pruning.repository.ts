import type { SqlExecutor } from '@dsops/database';

const CHUNK = 5_000;

/** Idempotent answers are kept for a day. */
const KEEP_REQUESTS = '24 hours';
/** Ids of settled events, kept to tell a duplicate from a conflict. */
const KEEP_PROCESSED = '30 days';

/**
 * Deletes entries that were sent long ago and that every consumer of their topic has settled, as it reported itself.
 * A consumer that was never heard of holds its topics until it reports or is retired.
 * @returns how many went
 */
export async function pruneOutbox(
  database: SqlExecutor,
  consumersOf: (topic: string) => readonly string[],
  keepSentMs: number,
): Promise<number> {
  const topics = await database.$queryRawUnsafe<{ topic: string }[]>('select distinct topic from sequence_counters');
  const reporting = await database.$queryRawUnsafe<{ consumer: string; topic: string; isRetired: boolean }[]>(
    `select s.consumer, c.topic, s.retired_at is not null as "isRetired"
       from subscribers s left join lateral (select distinct topic from reported_cursors r where r.consumer = s.consumer) c on true`,
  );
  let pruned = 0;
  for (const { topic } of topics) {
    const retired = new Set(reporting.filter(({ isRetired }) => isRetired).map(({ consumer }) => consumer));
    const needed = new Set([...consumersOf(topic), ...reporting.filter((row) => row.topic === topic).map(({ consumer }) => consumer)]); // prettier-ignore
    pruned += await pruneTopic(database, topic, [...needed].filter((name) => !retired.has(name)), keepSentMs); // prettier-ignore
  }
  await database.$executeRawUnsafe(`delete from requests where created_at < now() - interval '${KEEP_REQUESTS}'`);
  await database.$executeRawUnsafe(`delete from processed_events where processed_at < now() - interval '${KEEP_PROCESSED}'`); // prettier-ignore
  return pruned;
}

async function pruneTopic(
  database: SqlExecutor,
  topic: string,
  consumers: readonly string[],
  keepSentMs: number,
): Promise<number> {
  let pruned = 0;
  for (;;) {
    // From what is settled to the rows, and not the other way round: a consumer that is down costs no scan of what piles up.
    const gone = await database.$executeRawUnsafe(
      `with settled as (
         select key, (array_agg(epoch order by epoch, sequence))[1] as epoch,
                (array_agg(sequence order by epoch, sequence))[1] as sequence
           from reported_cursors where topic = $1 and consumer = any($3::text[])
          group by key having count(*) = cardinality($3::text[])
       )
       delete from outbox where position in (
         select o.position from settled s
          cross join lateral (
            select position from outbox
             where topic = $1 and key = s.key and (epoch, sequence) < (s.epoch, s.sequence)
               and sent_at < now() - $2 * interval '1 millisecond'
             order by epoch, sequence limit ${CHUNK}) o
          limit ${CHUNK})`,
      topic,
      keepSentMs,
      consumers,
    );
    pruned += gone;
    if (gone < CHUNK) return pruned;
  }
}
