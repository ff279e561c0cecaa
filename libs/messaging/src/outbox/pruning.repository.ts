import { execute, query, raw, sql, type SqlExecutor } from '@dsops/database';

const PAGE = 5_000;
/** Stands in the text of statements, so that the planner counts with it. */
const PAGE_IN_SQL = raw(String(PAGE));
/** Pages of which nothing may go that one walk reads at most, so that it costs little however much is held back. */
const FRUITLESS_PAGES = 20;

interface PruningParts {
  readonly database: SqlExecutor;
  /** Every consumer that must have settled an event of this topic before it may go. */
  readonly consumersOf: (topic: string) => readonly string[];
  /** Sent entries stay at least this long. */
  readonly keepSentMs: number;
}

/**
 * Deletes entries that were sent long ago and that every consumer of their topic has settled, as it reported itself. A
 * consumer that was never heard of holds its topics until it reports or is retired.
 *
 * It walks the outbox from its oldest entry, page by page, to the first one that is not old enough, and then begins anew.
 * A walk goes on as long as something goes, and where much is held back it stops and goes on from there the next time.
 */
export class OutboxPruning {
  /** The last position that was looked at. */
  private from = 0n;

  constructor(private readonly parts: PruningParts) {}

  /** Goes on where it stopped the last time. @returns how many entries went */
  async walk(): Promise<number> {
    const needed = await this.consumersByTopic();
    let pruned = 0;
    for (let fruitless = 0; fruitless < FRUITLESS_PAGES;) {
      const page = await this.prunePage(needed);
      pruned += page.pruned;
      this.from = page.isLast ? 0n : page.last;
      if (page.isLast) break;
      if (page.pruned === 0) fruitless += 1;
    }
    return pruned;
  }

  /** Pairs of a topic and a consumer that it waits for. */
  private async consumersByTopic(): Promise<readonly (readonly [topic: string, consumer: string])[]> {
    const { database, consumersOf } = this.parts;
    const topics = await query<{ topic: string }>(database, sql`select distinct topic from sequence_counters`);
    const reporting = await query<{ consumer: string; topic: string; isRetired: boolean }>(
      database,
      sql`select s.consumer, c.topic, s.retired_at is not null as "isRetired"
         from subscribers s left join lateral (select distinct topic from reported_cursors r where r.consumer = s.consumer) c on true`,
    );
    const retired = new Set(reporting.filter(({ isRetired }) => isRetired).map(({ consumer }) => consumer));
    return topics.flatMap(({ topic }) => {
      const heard = reporting.filter((row) => row.topic === topic).map(({ consumer }) => consumer);
      const consumers = new Set([...consumersOf(topic), ...heard]);
      return [...consumers].filter((consumer) => !retired.has(consumer)).map((consumer) => [topic, consumer] as const);
    });
  }

  private async prunePage(needed: readonly (readonly [topic: string, consumer: string])[]) {
    const [page] = await query<{ pruned: number; last: bigint; isLast: boolean }>(
      this.parts.database,
      sql`with page as materialized (
         select position, topic, key, epoch, sequence, said_at, sent_at from outbox
          where position > ${String(this.from)}::bigint order by position limit ${PAGE_IN_SQL}
       ), gone as (
         delete from outbox o using page p
          where o.position = p.position and p.sent_at < now() - ${this.parts.keepSentMs} * interval '1 millisecond'
            and not exists (
              select from unnest(
                ${needed.map(([topic]) => topic)}::text[],
                ${needed.map(([, consumer]) => consumer)}::text[]
              ) as n(topic, consumer)
                left join reported_cursors r on r.consumer = n.consumer and r.topic = p.topic and r.key = p.key
               where n.topic = p.topic
                 and (r.consumer is null or (r.epoch, r.sequence) <= (p.epoch, p.sequence)))
         returning o.position)
       select (select count(*)::int from gone) as pruned, coalesce(max(position), 0) as last,
              count(*) < ${PAGE_IN_SQL}
                or bool_or(said_at >= now() - ${this.parts.keepSentMs} * interval '1 millisecond') as "isLast"
         from page`,
    );
    return page!;
  }
}

/** Deletes answers of requests, and ids of settled events, which tell a duplicate from a conflict: each after its time. */
export async function pruneRecords(database: SqlExecutor): Promise<void> {
  await execute(database, sql`delete from requests where created_at < now() - interval '24 hours'`);
  await execute(database, sql`delete from processed_events where processed_at < now() - interval '30 days'`);
}
