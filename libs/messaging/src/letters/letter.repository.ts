import type { DeadLetterView } from '@dsops/contracts/gateway/api';
import type { SqlExecutor } from '@dsops/database';
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

const COLUMNS = `id, consumer, kind, status, note, blocks_key as "blocksKey", reason, attempts, type, topic, key, epoch, sequence,
  event_id as "eventId", body::text as body, created_at as at, closed_at as "closedAt", keep_days as "keepDays"`;

/** Writes letters. A letter that exists for the same event is brought up to date, and open again. */
export async function writeLetters(tx: SqlExecutor, consumer: string, letters: readonly NewLetter[]): Promise<void> {
  for (const letter of letters)
    await tx.$executeRawUnsafe(
      `insert into dead_letters (id, consumer, kind, blocks_key, reason, attempts, type, topic, key, epoch, sequence, event_id, body, keep_days)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::bigint, $12, $13::json, $14)
       on conflict (consumer, topic, key, epoch, sequence, event_id) do update
          set kind = excluded.kind, blocks_key = excluded.blocks_key, reason = excluded.reason, attempts = excluded.attempts,
              status = 'open', closed_at = null, note = null
        where dead_letters.kind <> 'unreadable' and dead_letters.status <> 'dropped'`,
      newId(),
      consumer,
      letter.kind,
      letter.blocksKey,
      letter.reason,
      letter.attempts,
      letter.type,
      letter.topic,
      letter.key,
      letter.epoch,
      String(letter.sequence),
      letter.eventId,
      letter.body,
      letter.keepDays,
    );
}

/** The event was applied after all. */
export const closeLetter = (tx: SqlExecutor, consumer: string, event: Coordinates & { id: string }): Promise<number> =>
  tx.$executeRawUnsafe(
    `update dead_letters set status = 'replayed', closed_at = now()
      where consumer = $1 and topic = $2 and key = $3 and epoch = $4 and sequence = $5::bigint and event_id = $6
        and status = 'open'`,
    consumer,
    event.topic,
    event.key,
    event.epoch,
    String(event.sequence),
    event.id,
  );

/** A person gave the event up. */
export const dropLetter = (tx: SqlExecutor, id: string, note: string): Promise<number> =>
  tx.$executeRawUnsafe(
    "update dead_letters set status = 'dropped', note = $2, closed_at = now() where id = $1 and status = 'open'",
    id,
    note,
  );

/** A replay failed: it counts as an attempt, and says why now. */
export const keepOpen = (tx: SqlExecutor, id: string, reason: string): Promise<number> =>
  tx.$executeRawUnsafe('update dead_letters set attempts = attempts + 1, reason = $2 where id = $1', id, reason);

/** Does it hold up its key? Only a person can let it go on. */
export const isBlocking = ({ status, blocksKey }: Pick<Letter, 'status' | 'blocksKey'>): boolean =>
  status === 'open' && blocksKey;

/** Removes letters whose time is over. One that blocks its key is never removed. */
export const pruneLetters = (database: SqlExecutor): Promise<number> =>
  database.$executeRawUnsafe(
    `delete from dead_letters
      where not (status = 'open' and blocks_key)
        and coalesce(closed_at, created_at) < now() - keep_days * interval '1 day'`,
  );

export async function findLetter(database: SqlExecutor, id: string): Promise<Letter | undefined> {
  const rows = await database.$queryRawUnsafe<Letter[]>(`select ${COLUMNS} from dead_letters where id = $1`, id);
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
  page: LetterFilter & { limit: number; before: string | undefined },
): Promise<Letter[]> =>
  database.$queryRawUnsafe<Letter[]>(
    `select ${COLUMNS} from dead_letters
      where status = $1 and ($2::text is null or id < $2) and ($4::text is null or consumer = $4)
        and ($5::text is null or type = $5) and ($6::text is null or topic = $6) and ($7::text is null or key = $7)
      order by id desc limit $3`,
    page.status,
    page.before ?? null,
    page.limit,
    page.consumer ?? null,
    page.type ?? null,
    page.topic ?? null,
    page.key ?? null,
  );
