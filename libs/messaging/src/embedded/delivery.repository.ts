import type pg from 'pg';
import { sql } from '@dsops/database';
import { hasCome } from '@dsops/background';
import type { Published, Waiting } from '../transport.js';

/** After an answer `retry`, and after an error of the database. */
export const RETRY_AFTER_MS = 1_000;

export interface DeliveryRow {
  readonly position: string;
  readonly topic: string;
  readonly body: unknown;
}

export async function subscribeTo(pool: pg.Pool, consumer: string, topics: readonly string[]): Promise<void> {
  await pool.query(
    'insert into subscriptions (consumer, topic) select $1, * from unnest($2::text[]) on conflict do nothing',
    [consumer, topics],
  );
}

/** Writes one row per event and subscriber, all or none. */
export async function writeDeliveries(pool: pg.Pool, batch: readonly Published[]): Promise<void> {
  await pool.query({
    name: 'write deliveries',
    text: `insert into deliveries (consumer, topic, body)
           select s.consumer, e.topic, e.body::json
             from unnest($1::text[], $2::text[]) with ordinality as e(topic, body, nth)
             join subscriptions s on s.topic = e.topic
            order by e.nth`,
    values: [batch.map(({ topic }) => topic), batch.map(({ event }) => JSON.stringify(event))],
  });
}

/**
 * Begins a transaction and takes the consumer's turn in it: one process at a time delivers to a consumer, so that the
 * order of publishing survives. The turn ends with the transaction, or with the process. In it the planner can only walk
 * along the primary key: where it takes the waiting for few it would read and sort all of them for each batch.
 * @returns false when another process has it
 */
export async function takeTurn(client: pg.ClientBase, consumer: string): Promise<boolean> {
  const key = client.escapeLiteral(`deliveries to ${consumer}`);
  const results = (await client.query<{ isMine: boolean }>(
    `begin; select pg_try_advisory_xact_lock(hashtextextended(${key}, 0)) as "isMine";
     set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_sort = off`,
  )) as unknown as pg.QueryResult<{ isMine: boolean }>[]; // one result per statement
  return results[1]?.rows[0]?.isMine === true;
}

/** The oldest deliveries of a consumer whose turn was taken. */
export async function oldestDeliveries(client: pg.ClientBase, consumer: string, limit: number): Promise<DeliveryRow[]> {
  const { text, values } = sql`
    select position, topic, body from deliveries
     where consumer = ${consumer} and (deliver_after is null or ${hasCome('deliver_after', RETRY_AFTER_MS)})
     order by position limit ${limit}`;
  const { rows } = await client.query<DeliveryRow>({ name: 'oldest deliveries', text, values });
  return rows;
}

/** By consumer; the age is that of the oldest, by the instant at which it happened. */
export async function waitingDeliveries(pool: pg.Pool): Promise<Waiting[]> {
  const { rows } = await pool.query<Waiting>(
    `select d.consumer, count(*)::double precision as amount,
            extract(epoch from now() - min((d.body->>'time')::timestamptz))::double precision as "oldestS"
       from (select consumer, body from deliveries order by position limit 10000) d group by d.consumer`,
  );
  return rows;
}

export async function removeDeliveries(
  client: pg.ClientBase,
  consumer: string,
  positions: readonly string[],
): Promise<void> {
  if (positions.length === 0) return;
  await client.query({
    name: 'remove deliveries',
    text: 'delete from deliveries where consumer = $1 and position = any($2::bigint[])',
    values: [consumer, positions],
  });
}

export async function deferDeliveries(
  client: pg.ClientBase,
  consumer: string,
  positions: readonly string[],
): Promise<void> {
  if (positions.length === 0) return;
  await client.query(
    `update deliveries set deliver_after = now() + interval '${RETRY_AFTER_MS} milliseconds'
      where consumer = $1 and position = any($2::bigint[])`,
    [consumer, positions],
  );
}
