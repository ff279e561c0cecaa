import { Inject, Injectable } from '@nestjs/common';
import type { Actor, Role } from '@dsops/contracts/principal';
import { execute, query, queryOne, sql, type SqlExecutor } from '@dsops/database';
import type { PrismaClient } from '@dsops/database/notification';
import { DATABASE } from '@dsops/service';
import type { KeptNotice } from '../notice/notice.js';

export type Outcome = 'delivered' | 'suppressed' | 'dead_lettered';

/** A decision about one notice for one recipient. `reason` is null exactly when it is delivered. */
export interface Decision {
  readonly eventId: string;
  readonly recipientId: string;
  readonly outcome: Outcome;
  readonly reason: string | null;
}

export interface Recipient {
  readonly id: string;
  readonly isRevoked: boolean;
}

/** A notable event that the consumer gave up on, for now. */
export interface DeadLetter {
  readonly eventId: string;
  readonly happenedAt: Date;
  readonly reason: string;
}

export interface Balance {
  /** Events worth telling that were put into words. */
  readonly events: number;
  /** Those events × the recipients that each is for. */
  readonly due: number;
  readonly delivered: number;
  readonly suppressed: number;
  readonly deadLettered: number;
  /** Due, and without a row in the ledger: always empty unless something was lost. */
  readonly missing: readonly { readonly eventId: string; readonly recipientId: string }[];
}

/** An event is for those who were recipients at its time, whenever and in whatever order dsops hears of both. */
const IS_FOR = sql`r.since <= n.happened_at and (r.revoked_at is null or r.revoked_at > n.happened_at)`;

/** Recipients, notices and the ledger between them. */
@Injectable()
export class LedgerRepository {
  constructor(@Inject(DATABASE) private readonly database: PrismaClient) {}

  /**
   * One change at a time: otherwise a recipient and a notice that arrive at the same instant would not see each other.
   * Taken after the cursors, released by the commit.
   */
  async lock(tx: SqlExecutor): Promise<void> {
    await execute(tx, sql`select pg_advisory_xact_lock(hashtext('dsops notification ledger'))`);
  }

  async addRecipient(tx: SqlExecutor, principal: Actor, role: Role, since: Date): Promise<void> {
    await execute(
      tx,
      sql`insert into notification.recipients (id, kind, name, role, since)
       values (${principal.id}, ${principal.kind}, ${principal.name}, ${role}, ${since})
       on conflict (id) do update set name = excluded.name, role = excluded.role, since = excluded.since, revoked_at = null`,
    );
  }

  async revokeRecipient(tx: SqlExecutor, id: string, revokedAt: Date): Promise<void> {
    await execute(tx, sql`update notification.recipients set revoked_at = ${revokedAt} where id = ${id}`);
  }

  async addNotice(tx: SqlExecutor, notice: KeptNotice): Promise<void> {
    await execute(
      tx,
      sql`insert into notification.notices
         (event_id, kind, title, body, priority, entity_kind, entity_id, happened_at, event_type, facts)
       values (${notice.eventId}, ${notice.kind}, ${notice.title}, ${notice.body}, ${notice.priority},
               ${notice.entity.kind}, ${notice.entity.id}, ${notice.happenedAt}, ${notice.eventType},
               ${notice.facts && JSON.stringify(notice.facts)}::jsonb)
       on conflict (event_id) do nothing`,
    );
  }

  /** Those whom something of this instant is for, the revoked ones marked. */
  async recipientsAt(tx: SqlExecutor, happenedAt: Date): Promise<Recipient[]> {
    return query<Recipient>(
      tx,
      sql`select r.id, r.revoked_at is not null as "isRevoked"
         from notification.recipients r, (select ${happenedAt}::timestamptz as happened_at) n
        where ${IS_FOR} order by r.id`,
    );
  }

  /** Notices for this recipient that came before the recipient was known here. */
  async noticesFor(tx: SqlExecutor, recipientId: string): Promise<KeptNotice[]> {
    const rows = await query<Omit<KeptNotice, 'entity'> & { entityKind: string; entityId: string }>(
      tx,
      sql`select n.event_id as "eventId", n.event_type as "eventType", n.kind, n.priority, n.title, n.body, n.facts,
              n.entity_kind as "entityKind", n.entity_id as "entityId", n.happened_at as "happenedAt"
         from notification.recipients r join notification.notices n on ${IS_FOR}
        where r.id = ${recipientId} order by n.happened_at, n.event_id`,
    );
    return rows.map(({ entityKind: kind, entityId: id, ...row }) => ({ ...row, entity: { kind, id } }));
  }

  /**
   * Writes decisions into the ledger and answers those that are new. A pair that has its row keeps it; only a dead
   * letter gives way, to what became of it.
   */
  async decide(tx: SqlExecutor, decisions: readonly Decision[], decidedAt: Date): Promise<Decision[]> {
    if (decisions.length === 0) return [];
    return query<Decision>(
      tx,
      sql`insert into notification.deliveries (event_id, recipient_id, channel, outcome, reason, decided_at)
       select d.event_id, d.recipient_id, 'inbox', d.outcome, d.reason, ${decidedAt}::timestamptz
         from unnest(
           ${decisions.map(({ eventId }) => eventId)}::text[],
           ${decisions.map(({ recipientId }) => recipientId)}::text[],
           ${decisions.map(({ outcome }) => outcome)}::text[],
           ${decisions.map(({ reason }) => reason)}::text[]
         ) as d (event_id, recipient_id, outcome, reason)
       on conflict (event_id, recipient_id, channel) do update
         set outcome = excluded.outcome, reason = excluded.reason, decided_at = excluded.decided_at
         where deliveries.outcome = 'dead_lettered' and excluded.outcome <> 'dead_lettered'
       returning event_id as "eventId", recipient_id as "recipientId", outcome, reason`,
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
    const counts = await queryOne<Record<'events' | 'due' | Outcome, number>>(
      this.database,
      sql`select (select count(*)::int from notification.notices) as events,
              (select count(*)::int from notification.notices n join notification.recipients r on ${IS_FOR}) as due,
              count(*) filter (where outcome = 'delivered')::int as delivered,
              count(*) filter (where outcome = 'suppressed')::int as suppressed,
              count(*) filter (where outcome = 'dead_lettered')::int as dead_lettered
         from notification.deliveries`,
    );
    const missing = await query<{ eventId: string; recipientId: string }>(
      this.database,
      sql`select n.event_id as "eventId", r.id as "recipientId"
         from notification.notices n join notification.recipients r on ${IS_FOR}
         left join notification.deliveries d
           on d.event_id = n.event_id and d.recipient_id = r.id and d.channel = 'inbox'
        where d.event_id is null order by n.event_id, r.id`,
    );
    const { events, due, delivered, suppressed, dead_lettered: deadLettered } = counts;
    return { events, due, delivered, suppressed, deadLettered, missing };
  }
}
