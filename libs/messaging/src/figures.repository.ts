import { query, sql, type SqlExecutor } from '@dsops/database';

/** How the messaging of one service stands, for metrics and for `doctor`. */
export interface MessagingFigures {
  /** Entries of the outbox that are not published yet, and the age of the oldest, in seconds; 0 when there is none. */
  readonly unsent: number;
  readonly oldestUnsentSeconds: number;
  /** Keys whose next entry the transport refuses. */
  readonly refusedKeys: number;
  /** Events that wait at this service's consumers, by consumer. */
  readonly parked: Readonly<Record<string, number>>;
  readonly openDeadLetters: Readonly<Record<string, number>>;
  /** Losses, conflicts and the like that are not resolved. */
  readonly openAlarms: Readonly<Record<string, number>>;
}

/** Reads them in one statement; cheap enough for every scrape. */
export async function readFigures(database: SqlExecutor): Promise<MessagingFigures> {
  const rows = await query<{ name: string; consumer: string; amount: number }>(
    database,
    sql`select 'unsent' as name, '' as consumer, count(*)::double precision as amount from outbox where sent_at is null
      union all
     select 'oldest', '', extract(epoch from now() - min(said_at))::double precision from outbox where sent_at is null
      union all
     select 'refused', '', count(*) from relay_backoffs
      union all
     select 'parked', consumer, count(*) from parked group by consumer
      union all
     select 'letters', consumer, count(*) from dead_letters where status = 'open' group by consumer
      union all
     select 'alarms', consumer, count(*) from event_alarms where resolved_at is null group by consumer`,
  );
  const one = (name: string) => rows.find((row) => row.name === name)?.amount ?? 0;
  const byConsumer = (name: string) =>
    Object.fromEntries(rows.filter((row) => row.name === name).map(({ consumer, amount }) => [consumer, amount]));
  return {
    unsent: one('unsent'),
    oldestUnsentSeconds: Math.max(0, one('oldest')),
    refusedKeys: one('refused'),
    parked: byConsumer('parked'),
    openDeadLetters: byConsumer('letters'),
    openAlarms: byConsumer('alarms'),
  };
}
