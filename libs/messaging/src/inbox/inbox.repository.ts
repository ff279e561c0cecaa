import { LONGEST_WAIT_MS } from '@dsops/contracts/consumers';
import { execute, query, sql, type Sql, type SqlExecutor } from '@dsops/database';
import { hasCome } from '@dsops/background';
import type { Coordinates } from '../coordinates.js';
import type { Arrival } from './judge.js';
import type { Progress } from './place.js';

export interface Cursor extends Coordinates {
  readonly startSequence: bigint;
}

export interface KeyOf {
  readonly topic: string;
  readonly key: string;
}

export type ParkedState = 'waiting' | 'retrying' | 'unknown' | 'dead';

/** An event that waits, without its body. */
export interface ParkedHead extends Coordinates {
  readonly id: string;
  readonly state: ParkedState;
  readonly attempts: number;
  readonly isDue: boolean;
}

export interface ParkedEvent extends ParkedHead {
  readonly body: string;
}

/** Columns topic and key. */
const keysOf = (keys: readonly KeyOf[]): Sql =>
  sql`${keys.map(({ topic }) => topic)}::text[], ${keys.map(({ key }) => key)}::text[]`;
/** Columns topic, key, epoch and sequence. */
const placesOf = (all: readonly Coordinates[]): Sql =>
  sql`${keysOf(all)}, ${all.map(({ epoch }) => epoch)}::integer[],
      ${all.map(({ sequence }) => String(sequence))}::text[]::bigint[]`;

/**
 * Locks the cursors of these keys, sorted, and makes those of new keys. Every transaction that applies, parks, drains or
 * replays starts with this.
 */
export async function lockCursors(tx: SqlExecutor, consumer: string, keys: readonly KeyOf[]): Promise<Cursor[]> {
  const lock = () =>
    query<Cursor>(
      tx,
      sql`select topic, key, epoch, sequence, start_sequence as "startSequence" from consumer_cursors
           where consumer = ${consumer} and (topic, key) in (select * from unnest(${keysOf(keys)}))
           order by topic, key for update`,
    );
  const known = await lock();
  if (known.length === keys.length) return known;
  await execute(
    tx,
    sql`insert into consumer_cursors (consumer, topic, key)
        select ${consumer}, k.topic, k.key from unnest(${keysOf(keys)}) as k(topic, key) order by k.topic, k.key
        on conflict do nothing`,
  );
  return lock();
}

/** For each key the first event that waits above its cursor. */
export const firstParked = (
  tx: SqlExecutor,
  consumer: string,
  cursors: readonly Coordinates[],
): Promise<ParkedHead[]> =>
  query<ParkedHead>(
    tx,
    sql`select p.topic, p.key, p.epoch, p.sequence, p.event_id as id, p.state, p.attempts,
            coalesce(${hasCome('p.next_attempt_at', LONGEST_WAIT_MS)}, false) as "isDue"
       from unnest(${placesOf(cursors)}) as c(topic, key, epoch, sequence)
      cross join lateral (
        select * from parked p
         where p.consumer = ${consumer} and p.topic = c.topic and p.key = c.key
           and (p.epoch, p.sequence) > (c.epoch, c.sequence)
         order by p.epoch, p.sequence limit 1) p`,
  );

/** What waits behind a place within its epoch, in order. */
export const parkedBehind = (
  tx: SqlExecutor,
  consumer: string,
  cursor: Coordinates,
  limit: number,
): Promise<ParkedEvent[]> =>
  query<ParkedEvent>(
    tx,
    sql`select topic, key, epoch, sequence, event_id as id, state, attempts, body::text as body,
            coalesce(${hasCome('next_attempt_at', LONGEST_WAIT_MS)}, false) as "isDue"
       from parked
      where consumer = ${consumer} and topic = ${cursor.topic} and key = ${cursor.key} and epoch = ${cursor.epoch}
        and sequence > ${String(cursor.sequence)}::bigint
      order by sequence limit ${limit}`,
  );

/** The place directly behind the cursor. */
const IS_NEXT = sql`(p.epoch = c.epoch and p.sequence = c.sequence + 1 or p.epoch > c.epoch and p.sequence = 1)`;

/** Keys whose next event waits and is to be tried now. */
export const dueKeys = (database: SqlExecutor, consumer: string, limit: number): Promise<KeyOf[]> =>
  query<KeyOf>(
    database,
    sql`select p.topic, p.key
       from parked p join consumer_cursors c on c.consumer = p.consumer and c.topic = p.topic and c.key = p.key
      where p.consumer = ${consumer} and ${hasCome('p.next_attempt_at', LONGEST_WAIT_MS)} and ${IS_NEXT}
      group by p.topic, p.key order by min(p.next_attempt_at) limit ${limit}`,
  );

/** After an update, an event that stops its key because no contract fitted may have become known. */
export const retryUnknown = (database: SqlExecutor, consumer: string): Promise<number> =>
  execute(
    database,
    sql`update parked p set next_attempt_at = now() from consumer_cursors c
      where p.consumer = ${consumer} and p.state = 'unknown'
        and c.consumer = p.consumer and c.topic = p.topic and c.key = p.key and ${IS_NEXT}`,
  );

/** Moves cursors and keeps which events stood at the settled places. */
export async function settle(
  tx: SqlExecutor,
  consumer: string,
  cursors: readonly Coordinates[],
  events: readonly (Coordinates & { readonly id: string })[],
): Promise<void> {
  if (events.length === 0) return;
  await execute(
    tx,
    sql`with moved as (
       update consumer_cursors c set epoch = m.epoch, sequence = m.sequence
         from unnest(${placesOf(cursors)}) as m(topic, key, epoch, sequence)
        where c.consumer = ${consumer} and c.topic = m.topic and c.key = m.key)
     insert into processed_events (consumer, topic, key, epoch, sequence, event_id)
     select ${consumer}, * from unnest(${placesOf(events)}, ${events.map(({ id }) => id)}::text[])`,
  );
}

/** The ids that stood at these places, in the order asked; null where none is known any more. */
export async function settledIds(
  tx: SqlExecutor,
  consumer: string,
  asked: readonly Coordinates[],
): Promise<(string | null)[]> {
  const rows = await query<{ id: string | null }>(
    tx,
    sql`select p.event_id as id
       from unnest(${placesOf(asked)}) with ordinality as a(topic, key, epoch, sequence, nth)
       left join processed_events p on p.consumer = ${consumer} and p.topic = a.topic and p.key = a.key
                                   and p.epoch = a.epoch and p.sequence = a.sequence
      order by a.nth`,
  );
  return rows.map(({ id }) => id);
}

export interface ToPark {
  readonly arrival: Pick<Arrival, 'id' | 'body'> & Coordinates;
  readonly state: ParkedState;
  readonly attempts: number;
  /** When it is tried again; null: not before something else happens. */
  readonly delayMs: number | null;
  readonly reason: string | null;
}

/**
 * Parks events. Where the same event waits already, a failure updates it and a mere wait does not.
 * @returns ids of other events that wait at one of the places: conflicts
 */
export async function park(tx: SqlExecutor, consumer: string, all: readonly ToPark[]): Promise<Set<string>> {
  if (all.length === 0) return new Set();
  const rows = await query<{ id: string }>(
    tx,
    sql`with given as (
       select * from unnest(
                ${placesOf(all.map(({ arrival }) => arrival))},
                ${all.map(({ arrival }) => arrival.id)}::text[],
                ${all.map(({ arrival }) => arrival.body)}::text[],
                ${all.map(({ state }) => state)}::text[],
                ${all.map(({ attempts }) => attempts)}::integer[],
                ${all.map(({ delayMs }) => delayMs)}::double precision[],
                ${all.map(({ reason }) => reason)}::text[])
              as g(topic, key, epoch, sequence, event_id, body, state, attempts, delay_ms, reason)
     ), kept as (
       insert into parked as p (consumer, topic, key, epoch, sequence, event_id, body, state, attempts, next_attempt_at, reason)
       select ${consumer}, topic, key, epoch, sequence, event_id, body::json, state, attempts,
              now() + delay_ms * interval '1 millisecond', reason
         from given
       on conflict (consumer, topic, key, epoch, sequence) do update
          set state = case when excluded.state = 'waiting' then p.state else excluded.state end,
              attempts = greatest(p.attempts, excluded.attempts),
              next_attempt_at = case when excluded.state = 'waiting' and excluded.next_attempt_at is null
                                     then p.next_attempt_at else excluded.next_attempt_at end,
              reason = coalesce(excluded.reason, p.reason),
              body = case when p.state = 'unknown' then excluded.body else p.body end
        where p.event_id = excluded.event_id
       returning event_id)
     select event_id as id from given where event_id not in (select event_id from kept)`,
  );
  return new Set(rows.map(({ id }) => id));
}

export async function unpark(tx: SqlExecutor, consumer: string, settled: readonly Coordinates[]): Promise<void> {
  if (settled.length === 0) return;
  await execute(
    tx,
    sql`delete from parked p using unnest(${placesOf(settled)}) as s(topic, key, epoch, sequence)
      where p.consumer = ${consumer}
        and p.topic = s.topic and p.key = s.key and p.epoch = s.epoch and p.sequence = s.sequence`,
  );
}

/** Takes out what still waits of epochs that have ended, with its bodies. */
export const unparkStale = (tx: SqlExecutor, consumer: string, cursor: KeyOf & Progress) =>
  query<Coordinates & { id: string; body: string }>(
    tx,
    sql`delete from parked
      where consumer = ${consumer} and topic = ${cursor.topic} and key = ${cursor.key} and epoch < ${cursor.epoch}
     returning topic, key, epoch, sequence, event_id as id, body::text as body`,
  );
