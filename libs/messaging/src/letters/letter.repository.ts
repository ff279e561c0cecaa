import type { DeadLetterView } from '@dsops/contracts/gateway/api';
import { execute, query, sql, type SqlExecutor } from '@dsops/database';
import { newId } from '@dsops/kernel';
import type { Coordinates } from '../coordinates.js';

type DeadLetterStatus = DeadLetterView['status'];
export type LetterKind = 'failed' | 'unknown' | 'unreadable' | 'stale';

export interface NewLetter extends Coordinates {
  readonly kind: LetterKind;
  readonly blocksKey: boolean;
  readonly reason: string;
  readonly attempts: number;
  /** How long it is kept once it holds nothing up. */
  readonly keepDays: number;
  readonly type: string;
  readonly eventId: string;
  readonly body: string;
}

export interface Letter extends NewLetter {
  readonly id: string;
  readonly consumer: string;
  readonly status: DeadLetterStatus;
  /** Who gave it up and why. */
  readonly note: string | null;
  readonly at: Date;
  readonly closedAt: Date | null;
}

const COLUMNS = sql`id, consumer, kind, status, note, blocks_key as "blocksKey", reason, attempts, type, topic, key,
  epoch, sequence, event_id as "eventId", body::text as body, created_at as at,
  closed_at as "closedAt", keep_days as "keepDays"`;

/** Writes letters. A letter that exists for the same event is brought up to date, and open again. */
export async function writeLetters(tx: SqlExecutor, consumer: string, letters: readonly NewLetter[]): Promise<void> {
  for (const letter of letters)
    await execute(
      tx,
      sql`insert into dead_letters (id, consumer, kind, blocks_key, reason, attempts, type,
                                topic, key, epoch, sequence, event_id, body, keep_days)
       values (${newId()}, ${consumer}, ${letter.kind}, ${letter.blocksKey}, ${letter.reason}, ${letter.attempts},
               ${letter.type}, ${letter.topic}, ${letter.key}, ${letter.epoch}, ${String(letter.sequence)}::bigint,
               ${letter.eventId}, ${letter.body}::json, ${letter.keepDays})
       on conflict (consumer, topic, key, epoch, sequence, event_id) do update
          set kind = excluded.kind, blocks_key = excluded.blocks_key, reason = excluded.reason, attempts = excluded.attempts,
              status = 'open', closed_at = null, note = null
        where dead_letters.kind <> 'unreadable' and dead_letters.status <> 'dropped'`,
    );
}

/** The event was applied after all. */
export const closeLetter = (tx: SqlExecutor, consumer: string, event: Coordinates & { id: string }): Promise<number> =>
  execute(
    tx,
    sql`update dead_letters set status = 'replayed', closed_at = now()
      where consumer = ${consumer} and topic = ${event.topic} and key = ${event.key} and epoch = ${event.epoch}
        and sequence = ${String(event.sequence)}::bigint and event_id = ${event.id} and status = 'open'`,
  );

/** A person gave the event up. */
export const dropLetter = (tx: SqlExecutor, id: string, note: string): Promise<number> =>
  execute(
    tx,
    sql`update dead_letters set status = 'dropped', note = ${note}, closed_at = now()
      where id = ${id} and status = 'open'`,
  );

/** A replay failed: it counts as an attempt, and says why now. */
export const keepOpen = (tx: SqlExecutor, id: string, reason: string): Promise<number> =>
  execute(tx, sql`update dead_letters set attempts = attempts + 1, reason = ${reason} where id = ${id}`);

/** Does it hold up its key? Only a person can let it go on. */
export const isBlocking = ({ status, blocksKey }: Pick<Letter, 'status' | 'blocksKey'>): boolean =>
  status === 'open' && blocksKey;

/** Removes letters whose time is over. One that blocks its key is never removed. */
export const pruneLetters = (database: SqlExecutor): Promise<number> =>
  execute(
    database,
    sql`delete from dead_letters
      where not (status = 'open' and blocks_key)
        and coalesce(closed_at, created_at) < now() - keep_days * interval '1 day'`,
  );

export async function findLetter(database: SqlExecutor, id: string): Promise<Letter | undefined> {
  const rows = await query<Letter>(database, sql`select ${COLUMNS} from dead_letters where id = ${id}`);
  return rows[0];
}

export interface LetterFilter {
  readonly status: DeadLetterStatus;
  readonly consumer?: string | undefined;
  readonly type?: string | undefined;
  readonly topic?: string | undefined;
  readonly key?: string | undefined;
}

/** A page of letters, newest first: ids are ULIDs, so their order is that of time. */
export const listLetters = (
  database: SqlExecutor,
  { status, limit, ...page }: LetterFilter & { limit: number; before: string | undefined },
): Promise<Letter[]> => {
  const { before = null, consumer = null, type = null, topic = null, key = null } = page;
  return query<Letter>(
    database,
    sql`select ${COLUMNS} from dead_letters
      where status = ${status} and (${before}::text is null or id < ${before})
        and (${consumer}::text is null or consumer = ${consumer}) and (${type}::text is null or type = ${type})
        and (${topic}::text is null or topic = ${topic}) and (${key}::text is null or key = ${key})
      order by id desc limit ${limit}`,
  );
};
