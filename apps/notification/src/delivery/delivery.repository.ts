import { Inject, Injectable } from '@nestjs/common';
import { execute, query, sql, type SqlExecutor } from '@dsops/database';
import type { PrismaClient } from '@dsops/database/notification';
import { DATABASE } from '@dsops/service';
import { recall, type WordedNotice } from '../notice/notice.js';
import { NOTICE, noticeFrom, type NoticeRow } from '../notice/notice.repository.js';
import type { Again, End, Waiting } from './delivery.js';

/** The right to send one delivery, until its lease runs out or somebody claims it again. */
export interface Claim extends Waiting {
  readonly eventId: string;
  readonly destinationId: string;
  readonly channel: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly told: WordedNotice;
  readonly fence: bigint;
  /** The database's time. */
  readonly claimedAt: Date;
  readonly traceparent: string | null;
}

type Row = Omit<Claim, 'told'> & NoticeRow;

/** Deliveries on their way: rows of the ledger without an outcome. Every instant is on the database's time. */
@Injectable()
export class DeliveryRepository {
  constructor(@Inject(DATABASE) private readonly database: PrismaClient) {}

  /**
   * The delivery that has been due for longest among those that are first at their destination; null when none is due, or
   * another worker was faster.
   */
  async claim(channels: readonly string[], leaseMs: number): Promise<Claim | null> {
    const [row] = await query<Row>(
      this.database,
      sql`with first as (
            select w.event_id, w.destination_id
              from notification.destinations d
             cross join lateral (
                     select l.event_id, l.destination_id, l.next_attempt_at from notification.deliveries l
                      where l.destination_id = d.id and l.outcome is null
                      order by l.waiting_since, l.event_id limit 1) w
             where d.channel = any(${channels}::text[]) and w.next_attempt_at <= now()
               and (d.not_before is null or d.not_before <= now() or d.ended_at is not null)
             order by w.next_attempt_at, w.event_id limit 1)
          update notification.deliveries l
             set attempts = l.attempts + 1, fence = l.fence + 1, next_attempt_at = ${inMs(leaseMs)}
            from first f
            join notification.destinations d on d.id = f.destination_id
            join notification.notices n on n.event_id = f.event_id
           where l.event_id = f.event_id and l.destination_id = f.destination_id
             and l.outcome is null and l.next_attempt_at <= now()
          returning ${NOTICE}, l.destination_id as "destinationId", l.channel, l.attempts, l.fence, l.traceparent,
                    l.waiting_since as "waitingSince", l.last_failure as "lastFailure", now() as "claimedAt",
                    d.settings, d.ended_at is not null as "hasDestinationEnded"`,
    );
    if (row === undefined) return null;
    const { destinationId, channel, settings, fence, claimedAt, traceparent } = row;
    const { attempts, waitingSince, lastFailure, hasDestinationEnded } = row;
    return {
      eventId: row.eventId,
      told: recall(noticeFrom(row)),
      ...{ destinationId, channel, settings, fence, claimedAt, traceparent },
      ...{ attempts, waitingSince, lastFailure, hasDestinationEnded },
    };
  }

  /** @returns false when the claim is not the latest any more; then nothing was written */
  async end(claim: Claim, end: End, restMs: number): Promise<boolean> {
    return this.write(claim, restMs, (tx) =>
      execute(
        tx,
        sql`update notification.deliveries l
               set outcome = ${end.kind}, reason = ${end.kind === 'delivered' ? null : end.reason},
                   decided_at = now(), next_attempt_at = null, last_failure = null
             where ${held(claim)}`,
      ),
    );
  }

  /** @returns false when the claim is not the latest any more; then nothing was written */
  async putBack(claim: Claim, { afterMs, failure, isPause }: Again, restMs: number): Promise<boolean> {
    return this.write(claim, isPause ? Math.max(afterMs, restMs) : restMs, (tx) =>
      execute(
        tx,
        sql`update notification.deliveries l
               set attempts = l.attempts - ${isPause ? 1 : 0}, last_failure = ${failure},
                   next_attempt_at = ${inMs(afterMs)}
             where ${held(claim)}`,
      ),
    );
  }

  /** What is written about a claim, and until when its destination rests, are written together. */
  private async write(claim: Claim, restMs: number, update: (tx: SqlExecutor) => Promise<number>): Promise<boolean> {
    return this.database.$transaction(async (tx) => {
      if ((await update(tx)) === 0) return false;
      if (restMs > 0)
        await execute(
          tx,
          sql`update notification.destinations set not_before = greatest(not_before, ${inMs(restMs)})
               where id = ${claim.destinationId}`,
        );
      return true;
    });
  }
}

const inMs = (ms: number) => sql`now() + ${ms}::double precision * interval '1 millisecond'`;
const held = ({ eventId, destinationId, fence }: Claim) =>
  sql`l.event_id = ${eventId} and l.destination_id = ${destinationId} and l.fence = ${fence} and l.outcome is null`;
