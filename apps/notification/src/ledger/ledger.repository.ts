import { Inject, Injectable } from '@nestjs/common';
import type { Actor, Role } from '@dsops/contracts/principal';
import type { SqlExecutor } from '@dsops/database';
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
const IS_FOR = 'r.since <= n.happened_at and (r.revoked_at is null or r.revoked_at > n.happened_at)';

/** Recipients, notices and the ledger between them. */
@Injectable()
export class LedgerRepository {
  constructor(@Inject(DATABASE) private readonly database: PrismaClient) {}

  /**
   * One change at a time: otherwise a recipient and a notice that arrive at the same instant would not see each other.
   * Taken after the cursors, released by the commit.
   */
  async lock(tx: SqlExecutor): Promise<void> {
    await tx.$executeRawUnsafe(`select pg_advisory_xact_lock(hashtext('dsops notification ledger'))`);
  }

  async addRecipient(tx: SqlExecutor, principal: Actor, role: Role, since: Date): Promise<void> {
    await tx.$executeRawUnsafe(
      `insert into notification.recipients (id, kind, name, role, since) values ($1, $2, $3, $4, $5)
       on conflict (id) do update set name = excluded.name, role = excluded.role, since = excluded.since, revoked_at = null`,
      principal.id,
      principal.kind,
      principal.name,
      role,
      since,
    );
  }

  async revokeRecipient(tx: SqlExecutor, id: string, revokedAt: Date): Promise<void> {
    await tx.$executeRawUnsafe('update notification.recipients set revoked_at = $2 where id = $1', id, revokedAt);
  }

  async addNotice(tx: SqlExecutor, notice: KeptNotice): Promise<void> {
    await tx.$executeRawUnsafe(
      `insert into notification.notices
         (event_id, kind, title, body, priority, entity_kind, entity_id, happened_at, event_type, facts)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb) on conflict (event_id) do nothing`,
      notice.eventId,
      notice.kind,
      notice.title,
      notice.body,
      notice.priority,
      notice.entity.kind,
      notice.entity.id,
      notice.happenedAt,
      notice.eventType,
      notice.facts && JSON.stringify(notice.facts),
    );
  }

  /** Those whom something of this instant is for, the revoked ones marked. */
  async recipientsAt(tx: SqlExecutor, happenedAt: Date): Promise<Recipient[]> {
    return tx.$queryRawUnsafe<Recipient[]>(
      `select r.id, r.revoked_at is not null as "isRevoked"
         from notification.recipients r, (select $1::timestamptz as happened_at) n
        where ${IS_FOR} order by r.id`,
      happenedAt,
    );
  }

  /** Notices for this recipient that came before the recipient was known here. */
  async noticesFor(tx: SqlExecutor, recipientId: string): Promise<KeptNotice[]> {
    const rows = await tx.$queryRawUnsafe<(Omit<KeptNotice, 'entity'> & { entityKind: string; entityId: string })[]>(
      `select n.event_id as "eventId", n.event_type as "eventType", n.kind, n.priority, n.title, n.body, n.facts,
              n.entity_kind as "entityKind", n.entity_id as "entityId", n.happened_at as "happenedAt"
         from notification.recipients r join notification.notices n on ${IS_FOR}
        where r.id = $1 order by n.happened_at, n.event_id`,
      recipientId,
    );
    return rows.map(({ entityKind: kind, entityId: id, ...row }) => ({ ...row, entity: { kind, id } }));
  }

  /**
   * Writes decisions into the ledger and answers those that are new. A pair that has its row keeps it; only a dead
   * letter gives way, to what became of it.
   */
  async decide(tx: SqlExecutor, decisions: readonly Decision[], decidedAt: Date): Promise<Decision[]> {
    if (decisions.length === 0) return [];
    return tx.$queryRawUnsafe<Decision[]>(
      `insert into notification.deliveries (event_id, recipient_id, channel, outcome, reason, decided_at)
       select d.event_id, d.recipient_id, 'inbox', d.outcome, d.reason, $5::timestamptz
         from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as d (event_id, recipient_id, outcome, reason)
       on conflict (event_id, recipient_id, channel) do update
         set outcome = excluded.outcome, reason = excluded.reason, decided_at = excluded.decided_at
         where deliveries.outcome = 'dead_lettered' and excluded.outcome <> 'dead_lettered'
       returning event_id as "eventId", recipient_id as "recipientId", outcome, reason`,
      decisions.map(({ eventId }) => eventId),
      decisions.map(({ recipientId }) => recipientId),
      decisions.map(({ outcome }) => outcome),
      decisions.map(({ reason }) => reason),
      decidedAt,
    );
  }

  /** Open letters of these types; of bodies that no contract fits, only those whose time can be read. */
  async deadLetters(types: readonly string[]): Promise<DeadLetter[]> {
    const letters = await this.database.$queryRawUnsafe<{ eventId: string; reason: string; body: string }[]>(
      `select event_id as "eventId", reason, body::text as body from notification.dead_letters
        where consumer = 'notification' and status = 'open' and kind <> 'unreadable' and type = any($1::text[])
        order by created_at`,
      types,
    );
    return letters.map(({ eventId, reason, body }) => ({
      eventId,
      reason,
      happenedAt: new Date((JSON.parse(body) as { time: string }).time),
    }));
  }

  async balance(): Promise<Balance> {
    const [counts] = await this.database.$queryRawUnsafe<[Record<'events' | 'due' | Outcome, number>]>(
      `select (select count(*)::int from notification.notices) as events,
              (select count(*)::int from notification.notices n join notification.recipients r on ${IS_FOR}) as due,
              count(*) filter (where outcome = 'delivered')::int as delivered,
              count(*) filter (where outcome = 'suppressed')::int as suppressed,
              count(*) filter (where outcome = 'dead_lettered')::int as dead_lettered
         from notification.deliveries`,
    );
    const missing = await this.database.$queryRawUnsafe<{ eventId: string; recipientId: string }[]>(
      `select n.event_id as "eventId", r.id as "recipientId"
         from notification.notices n join notification.recipients r on ${IS_FOR}
         left join notification.deliveries d
           on d.event_id = n.event_id and d.recipient_id = r.id and d.channel = 'inbox'
        where d.event_id is null order by n.event_id, r.id`,
    );
    const { events, due, delivered, suppressed, dead_lettered: deadLettered } = counts;
    return { events, due, delivered, suppressed, deadLettered, missing };
  }
}
