import type { ServiceName } from '@dsops/contracts/service-names';
import type { Topic } from '@dsops/contracts/topics';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { execute, query, queryOne, raw, sql, type SqlExecutor } from '@dsops/database';
import type { Published } from '../transport.js';
import { envelopeOf, type EmittedEvent, type EventPosition } from './emitted-event.js';
import { LONGEST_BACK_OFF_MS } from './relay-lease.repository.js';

/**
 * Takes events into the outbox, each with the next sequence of its key. The last thing of a transaction: from here on
 * the counters of its keys are locked until it commits, so a sequence has no gaps and follows the order of commits.
 * Counters are locked in sorted order, whatever the order of the events, so that units with the same keys never wait for
 * each other in a circle.
 */
export async function writeOutbox(tx: SqlExecutor, events: readonly EmittedEvent[]): Promise<void> {
  if (events.length === 0) return;
  await execute(
    tx,
    sql`with said as (
       select *, row_number() over (partition by topic, key order by nth) as nth_of_key
         from unnest(
           ${events.map((event) => event.topic)}::text[],
           ${events.map((event) => event.key)}::text[],
           ${events.map((event) => event.id)}::text[],
           ${events.map((event) => event.type)}::text[],
           ${events.map((event) => event.subject)}::text[],
           ${events.map((event) => event.saidAt.toISOString())}::timestamptz[],
           ${events.map((event) => event.traceparent ?? null)}::text[],
           ${events.map((event) => event.data)}::text[]
         )
              with ordinality as s(topic, key, id, type, subject, said_at, traceparent, data, nth)
     ), taken as (
       insert into sequence_counters as c (topic, key, epoch, head, changed_in)
       select s.topic, s.key, (select epoch from producer_epoch), count(*), pg_current_xact_id()
         from said s group by s.topic, s.key order by s.topic, s.key
       on conflict (topic, key) do update
          set head = case when c.epoch = excluded.epoch then c.head + excluded.head else excluded.head end,
              epoch = excluded.epoch, changed_in = excluded.changed_in
       returning topic, key, epoch, head
     )
     insert into outbox (topic, key, epoch, sequence, id, type, subject, said_at, traceparent, data)
     select s.topic, s.key, t.epoch,
            t.head - count(*) over (partition by s.topic, s.key) + s.nth_of_key,
            s.id, s.type, s.subject, s.said_at, s.traceparent, s.data::json
       from said s join taken t on t.topic = s.topic and t.key = s.key
      order by s.nth`,
  );
}

/** A row of the outbox that is to be published. */
export interface UnsentEntry extends Published {
  readonly position: bigint;
}

interface OutboxRow {
  position: bigint;
  topic: Topic;
  key: string;
  epoch: number;
  sequence: bigint;
  id: string;
  type: string;
  subject: string;
  said_at: Date;
  traceparent: string | null;
  data: string;
}

const COLUMNS = sql`position, topic, key, epoch, sequence, id, type, subject, said_at, traceparent, data::text as data`;

const envelopeOfRow = (service: ServiceName, row: OutboxRow): EventEnvelope => {
  const place: EventPosition = { epoch: row.epoch, sequence: row.sequence };
  return envelopeOf(service, { ...row, saidAt: row.said_at, traceparent: row.traceparent ?? undefined }, place);
};

/**
 * What is still to be published, in the order of each key; keys that back off are left out. It looks for rows that are
 * not marked, never above a mark: a transaction that commits late has a low position.
 * @param except positions that are being published already
 */
export async function readUnsent(
  database: SqlExecutor,
  service: ServiceName,
  { limit, except = [] }: { readonly limit: number; readonly except?: readonly bigint[] },
): Promise<UnsentEntry[]> {
  const rows = await query<OutboxRow>(
    database,
    sql`select ${COLUMNS} from unsent_entries(
          ${limit}, ${except.map(String)}::text[]::bigint[],
          interval '${raw(String(LONGEST_BACK_OFF_MS))} milliseconds')
      order by position`,
  );
  return rows.map((row) => ({
    position: row.position,
    topic: row.topic,
    key: row.key,
    event: envelopeOfRow(service, row),
  }));
}

/** Events of one key above a place, in order, as they were published. */
export async function readEventsAbove(
  database: SqlExecutor,
  service: ServiceName,
  above: { topic: string; key: string; epoch: number; sequence: bigint },
  limit: number,
): Promise<EventEnvelope[]> {
  const rows = await query<OutboxRow>(
    database,
    sql`select ${COLUMNS} from outbox
      where topic = ${above.topic} and key = ${above.key}
        and (epoch, sequence) > (${above.epoch}::integer, ${String(above.sequence)}::bigint)
      order by epoch, sequence limit ${limit}`,
  );
  return rows.map((row) => envelopeOfRow(service, row));
}

/**
 * Raises the epoch: from now on every key counts from 1 again. Only for a database that was restored from a copy.
 * @returns the new epoch
 */
export async function raiseEpoch(tx: SqlExecutor): Promise<number> {
  const { epoch } = await queryOne<{ epoch: number }>(
    tx,
    sql`update producer_epoch set epoch = epoch + 1 returning epoch`,
  );
  return epoch;
}
