import { Injectable } from '@nestjs/common';
import type { Actor, Role } from '@dsops/contracts/principal';
import { execute, query, sql, type SqlExecutor } from '@dsops/database';
import type { SealedValue } from '@dsops/sealing';
import type { GivenSettings } from '../channels/settings.js';
import type { KeptNotice } from '../notice/notice.js';
import { NOTICE, noticeFrom, type NoticeRow } from '../notice/notice.repository.js';
import type { Destination } from './destination.js';

/** A destination that a person has added. */
export interface DestinationView {
  readonly id: string;
  readonly channel: string;
  /** What people call it. */
  readonly name: string;
  /** Of which kinds it wants notices; empty: of all. */
  readonly kinds: readonly string[];
  /** What of its settings is no secret. */
  readonly settings: GivenSettings;
  readonly since: Date;
}

/** A notice is for the destinations of its time, whenever and in whatever order dsops hears of both. */
export const IS_FOR = sql`d.since <= n.happened_at and (d.ended_at is null or d.ended_at > n.happened_at)`;

const DESTINATION = sql`d.id, d.channel, d.recipient_id as "recipientId", d.kinds, d.settings,
  d.ended_at is not null as "hasEnded"`;

const VIEW = sql`select d.id, d.channel, d.name, d.kinds, d.settings, d.since from notification.destinations d
  where d.recipient_id is null and d.ended_at is null`;

/** Recipients and destinations. An inbox comes and ends with its recipient, by a trigger of the table. */
@Injectable()
export class DestinationRepository {
  async addRecipient(tx: SqlExecutor, principal: Actor, role: Role, since: Date): Promise<void> {
    await execute(
      tx,
      sql`insert into notification.recipients (id, kind, name, role, since)
          values (${principal.id}, ${principal.kind}, ${principal.name}, ${role}, ${since})
          on conflict (id) do update
            set name = excluded.name, role = excluded.role, since = excluded.since, revoked_at = null`,
    );
  }

  async revokeRecipient(tx: SqlExecutor, id: string, revokedAt: Date): Promise<void> {
    await execute(tx, sql`update notification.recipients set revoked_at = ${revokedAt} where id = ${id}`);
  }

  /** Those that something of this instant is for, the ended ones marked. */
  destinationsAt(tx: SqlExecutor, happenedAt: Date): Promise<Destination[]> {
    return query<Destination>(
      tx,
      sql`select ${DESTINATION}
            from notification.destinations d, (select ${happenedAt}::timestamptz as happened_at) n
           where ${IS_FOR} order by d.id`,
    );
  }

  destinationsOf(tx: SqlExecutor, recipientId: string): Promise<Destination[]> {
    return query<Destination>(
      tx,
      sql`select ${DESTINATION} from notification.destinations d where d.recipient_id = ${recipientId} order by d.id`,
    );
  }

  /** Notices for this destination that were told before it was known here. */
  async noticesFor(tx: SqlExecutor, destinationId: string): Promise<KeptNotice[]> {
    const rows = await query<NoticeRow>(
      tx,
      sql`select ${NOTICE} from notification.destinations d join notification.notices n on ${IS_FOR}
           where d.id = ${destinationId} order by n.happened_at, n.event_id`,
    );
    return rows.map(noticeFrom);
  }

  /** @returns false when there is one of this name */
  async add(tx: SqlExecutor, added: DestinationView, sealed: SealedValue | null): Promise<boolean> {
    const { id, channel, name, kinds, settings, since } = added;
    const written = await execute(
      tx,
      sql`insert into notification.destinations (id, channel, name, kinds, settings, since)
          values (${id}, ${channel}, ${name}, ${[...kinds]}::text[], ${JSON.stringify(settings)}::jsonb, ${since})
          on conflict (name) where recipient_id is null and ended_at is null do nothing`,
    );
    if (written === 0) return false;
    if (sealed !== null)
      await execute(
        tx,
        sql`insert into notification.sealed_settings
              (destination_id, key_id, algorithm, wrap_nonce, wrapped_key, wrap_tag, nonce, ciphertext, tag)
            values (${id}, ${sealed.keyId}, ${sealed.algorithm}, ${sealed.wrapNonce}, ${sealed.wrappedKey},
                    ${sealed.wrapTag}, ${sealed.nonce}, ${sealed.ciphertext}, ${sealed.tag})`,
      );
    return true;
  }

  /** Those that people have added and not removed, by name. */
  list(on: SqlExecutor): Promise<DestinationView[]> {
    return query<DestinationView>(on, sql`${VIEW} order by d.name`);
  }

  /** @returns null when there is none, or it was removed */
  async find(on: SqlExecutor, id: string): Promise<(DestinationView & { sealed: SealedValue | null }) | null> {
    const [view] = await query<DestinationView>(on, sql`${VIEW} and d.id = ${id}`);
    return view ? { ...view, sealed: await this.sealedSettings(on, id) } : null;
  }

  async sealedSettings(on: SqlExecutor, id: string): Promise<SealedValue | null> {
    const [sealed] = await query<SealedValue>(
      on,
      sql`select key_id as "keyId", algorithm, wrap_nonce as "wrapNonce", wrapped_key as "wrappedKey",
                 wrap_tag as "wrapTag", nonce, ciphertext, tag
            from notification.sealed_settings where destination_id = ${id}`,
    );
    return sealed ?? null;
  }

  /** Its secrets go, and what waits for it will not be sent. @returns false when there is none, or it was removed */
  async end(tx: SqlExecutor, id: string, endedAt: Date): Promise<boolean> {
    const written = await execute(
      tx,
      sql`update notification.destinations set ended_at = ${endedAt}
           where id = ${id} and recipient_id is null and ended_at is null`,
    );
    await execute(tx, sql`delete from notification.sealed_settings where destination_id = ${id}`);
    return written > 0;
  }
}
