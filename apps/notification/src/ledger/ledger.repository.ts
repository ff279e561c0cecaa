import { Inject, Injectable } from '@nestjs/common';
import { execute, query, queryOne, sql, type SqlExecutor } from '@dsops/database';
import type { PrismaClient } from '@dsops/database/notification';
import { DATABASE } from '@dsops/service';
import { IS_FOR } from '../routing/destination.repository.js';
import type { Balance, Decision } from './ledger.js';

/** A notable event that the consumer gave up on, for now. */
interface DeadLetter {
  readonly eventId: string;
  readonly happenedAt: Date;
  readonly reason: string;
}

/** The ledger. What waits in it, waits on the database's time. */
@Injectable()
export class LedgerRepository {
  constructor(@Inject(DATABASE) private readonly database: PrismaClient) {}

  /**
   * One change at a time: otherwise a destination and a notice that arrive at the same instant would not see each other.
   * Taken after the cursors, released by the commit.
   */
  async lock(tx: SqlExecutor): Promise<void> {
    await execute(tx, sql`select pg_advisory_xact_lock(hashtext('dsops notification ledger'))`);
  }

  /**
   * Writes decisions into the ledger and answers those that are new. A pair that has its row keeps it; only a dead letter
   * of the consumer gives way, to what became of its event: nobody has tried to deliver that one.
   */
  async decide(
    tx: SqlExecutor,
    decisions: readonly Decision[],
    decidedAt: Date,
    traceparent: string | null = null,
  ): Promise<Decision[]> {
    if (decisions.length === 0) return [];
    return query<Decision>(
      tx,
      sql`insert into notification.deliveries (event_id, destination_id, recipient_id, channel, outcome, reason,
                                               decided_at, waiting_since, next_attempt_at, traceparent)
          select n.event_id, n.destination_id, n.recipient_id, n.channel, n.outcome, n.reason,
                 case when n.outcome is not null then ${decidedAt}::timestamptz end,
                 case when n.outcome is null then clock_timestamp() end,
                 case when n.outcome is null then clock_timestamp() end,
                 case when n.outcome is null then ${traceparent} end
            from unnest(
              ${decisions.map(({ eventId }) => eventId)}::text[],
              ${decisions.map(({ destinationId }) => destinationId)}::text[],
              ${decisions.map(({ recipientId }) => recipientId)}::text[],
              ${decisions.map(({ channel }) => channel)}::text[],
              ${decisions.map(({ outcome }) => outcome)}::text[],
              ${decisions.map(({ reason }) => reason)}::text[]
            ) as n (event_id, destination_id, recipient_id, channel, outcome, reason)
          on conflict (event_id, destination_id) do update
            set outcome = excluded.outcome, reason = excluded.reason, decided_at = excluded.decided_at,
                waiting_since = excluded.waiting_since, next_attempt_at = excluded.next_attempt_at,
                traceparent = excluded.traceparent
            where deliveries.outcome = 'dead_lettered' and deliveries.attempts = 0
              and excluded.outcome is distinct from 'dead_lettered'
          returning event_id as "eventId", destination_id as "destinationId", recipient_id as "recipientId",
                    channel, outcome, reason`,
    );
  }

  /** Open letters of these types; of bodies that no contract fits, only those whose time can be read. */
  async deadLetters(types: readonly string[]): Promise<DeadLetter[]> {
    const letters = await query<{ eventId: string; reason: string; body: string }>(
      this.database,
      sql`select event_id as "eventId", reason, body::text as body from notification.dead_letters
           where consumer = 'notification' and status = 'open' and kind <> 'unreadable' and type = any(${types}::text[])
           order by created_at`,
    );
    return letters.map(({ eventId, reason, body }) => ({
      eventId,
      reason,
      happenedAt: new Date((JSON.parse(body) as { time: string }).time),
    }));
  }

  async balance(): Promise<Balance> {
    const counts = await queryOne<Omit<Balance, 'missing'>>(
      this.database,
      sql`select (select count(*)::int from notification.notices) as events,
                 (select count(*)::int from (
                    select n.event_id, d.id from notification.notices n join notification.destinations d on ${IS_FOR}
                     union select event_id, destination_id from notification.deliveries) pairs) as due,
                 count(*) filter (where outcome = 'delivered')::int as delivered,
                 count(*) filter (where outcome = 'suppressed')::int as suppressed,
                 count(*) filter (where outcome = 'dead_lettered')::int as "deadLettered",
                 count(*) filter (where outcome is null)::int as waiting
            from notification.deliveries l`,
    );
    const missing = await query<Balance['missing'][number]>(
      this.database,
      sql`select n.event_id as "eventId", d.id as "destinationId"
            from notification.notices n join notification.destinations d on ${IS_FOR}
            left join notification.deliveries l on l.event_id = n.event_id and l.destination_id = d.id
           where l.event_id is null order by n.event_id, d.id`,
    );
    return { ...counts, missing };
  }
}
