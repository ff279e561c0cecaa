import { execute, query, sql, type SqlExecutor } from '@dsops/database';
import type { Coordinates } from '../coordinates.js';

export type AlarmKind = 'loss' | 'conflict' | 'stale' | 'ahead';

export interface Alarm extends Coordinates {
  readonly kind: AlarmKind;
  readonly id: string;
}

/** Records alarms; a repetition counts. @returns those that were not known before */
export async function recordAlarms(tx: SqlExecutor, consumer: string, alarms: readonly Alarm[]): Promise<Alarm[]> {
  const fresh: Alarm[] = [];
  for (const alarm of alarms) {
    const rows = await query<{ seen: number }>(
      tx,
      sql`insert into event_alarms as a (kind, consumer, topic, key, epoch, sequence, event_id)
       values (${alarm.kind}, ${consumer}, ${alarm.topic}, ${alarm.key}, ${alarm.epoch},
               ${String(alarm.sequence)}::bigint, ${alarm.id})
       on conflict (kind, consumer, topic, key, epoch, sequence, event_id) do update
          set seen = a.seen + 1, last_at = now(), resolved_at = null
       returning seen`,
    );
    if (rows[0]?.seen === 1) fresh.push(alarm);
  }
  return fresh;
}

/** A loss is over when its event came after all, or its key was rebuilt. @returns how many */
export const resolveLosses = (database: SqlExecutor, consumer: string): Promise<number> =>
  execute(
    database,
    sql`update event_alarms a set resolved_at = now() from consumer_cursors c
      where a.kind = 'loss' and a.resolved_at is null and a.consumer = ${consumer}
        and c.consumer = a.consumer and c.topic = a.topic and c.key = a.key
        and (c.epoch, c.sequence) >= (a.epoch, a.sequence)`,
  );
