import { Inject, Injectable } from '@nestjs/common';
import type { PrismaClient } from '@dsops/database/gateway';
import { execute, query, queryOne, sql, type SqlExecutor } from '@dsops/database';
import { DATABASE } from '@dsops/service';
import type { FeedFilter } from './feed-filter.js';
import type { FeedEvent } from './feed-frames.js';

/** An event that has no position yet. */
export interface NewFeedEvent {
  readonly topic: string;
  readonly type: string;
  /** The principal who alone may see it; null: all who may see its topic. */
  readonly onlyFor: string | null;
  readonly json: string;
}

/** Some events of the feed, and where it stood when they were read. */
export interface FeedPage {
  readonly events: readonly FeedEvent[];
  /** The last position given; 0 before the first event. */
  readonly head: bigint;
  /** The oldest position that is still kept; head + 1 when none is. */
  readonly oldest: bigint;
}

type Row = { head: bigint; oldest: bigint } & (
  { position: null } | { position: bigint; topic: string; type: string; onlyFor: string | null; json: string }
);

@Injectable()
export class FeedRepository {
  constructor(@Inject(DATABASE) private readonly db: PrismaClient) {}

  /**
   * Gives the events the next positions, in their order. The counter stays locked until the transaction ends, so none is
   * skipped.
   * @returns the position of the last one
   */
  async append(tx: SqlExecutor, events: readonly NewFeedEvent[], at: Date): Promise<bigint> {
    const { position } = await queryOne<{ position: bigint }>(
      tx,
      sql`with given as (update feed_counter set position = position + ${events.length}::int returning position),
       added as (
         insert into feed (position, topic, type, only_for, event, at)
         select position - ${events.length}::int + nth, topic, type, only_for, event::json, ${at}::timestamptz
           from given, unnest(
             ${events.map(({ topic }) => topic)}::text[],
             ${events.map(({ type }) => type)}::text[],
             ${events.map(({ onlyFor }) => onlyFor)}::text[],
             ${events.map(({ json }) => json)}::text[]
           )
                       with ordinality as e (topic, type, only_for, event, nth))
       select position from given`,
    );
    return position;
  }

  /** What stands behind a position, in order, read at one instant together with the bounds of the feed. */
  async read(after: bigint, limit: number, filter?: FeedFilter): Promise<FeedPage> {
    const { withoutTopic = null, principalId = null } = filter ?? {};
    const types = filter?.types ?? null;
    const rows = await query<Row>(
      this.db,
      sql`select c.position as head, coalesce((select min(position) from feed), c.position + 1) as oldest,
              f.position, f.topic, f.type, f.only_for as "onlyFor", f.event::text as json
       from feed_counter c left join lateral (
         select * from feed
         where position > ${after}::bigint and (${types}::text[] is null or type = any (${types}::text[]))
           and (${withoutTopic}::text is null or topic <> ${withoutTopic})
           and (${principalId}::text is null or only_for is null or only_for = ${principalId})
         order by position limit ${limit}::int
       ) f on true
       order by f.position`,
    );
    const { head, oldest } = rows[0]!;
    return { head, oldest, events: rows.flatMap((row) => (row.position === null ? [] : [row])) };
  }

  /** Removes up to `limit` events that are older than `before` or farther behind the head than `keep`. Answers how many. */
  prune(before: Date, keep: number, limit: number): Promise<number> {
    return execute(
      this.db,
      sql`delete from feed where position in (
         select position from feed
         where position <= (select position from feed_counter) - ${keep}::bigint
            or position <= coalesce((select max(position) from feed where at < ${before}::timestamptz), 0)
         order by position limit ${limit}::int)`,
    );
  }
}
