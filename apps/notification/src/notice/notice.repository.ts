import { execute, sql, type SqlExecutor } from '@dsops/database';
import type { KeptNotice } from './notice.js';

/** Of the table as `n`; {@link noticeFrom} makes a notice of it. */
export const NOTICE = sql`n.event_id as "eventId", n.event_type as "eventType", n.kind, n.priority, n.title, n.body,
  n.facts, n.entity_kind as "entityKind", n.entity_id as "entityId", n.happened_at as "happenedAt"`;

export interface NoticeRow extends Omit<KeptNotice, 'entity'> {
  readonly entityKind: string;
  readonly entityId: string;
}

export const noticeFrom = ({ entityKind, entityId, ...row }: NoticeRow): KeptNotice => ({
  eventId: row.eventId,
  eventType: row.eventType,
  kind: row.kind,
  priority: row.priority,
  title: row.title,
  body: row.body,
  facts: row.facts,
  happenedAt: row.happenedAt,
  entity: { kind: entityKind, id: entityId },
});

/** A notice is kept once and never changes. */
export async function addNotice(tx: SqlExecutor, notice: KeptNotice): Promise<void> {
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
