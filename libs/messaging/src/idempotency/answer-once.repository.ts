import { execute, query, sql } from '@dsops/database';
import { DomainError } from '@dsops/kernel';
import type { Unit } from '../unit-of-work.js';

export interface IdempotentRequest {
  readonly principalId: string;
  /** The Idempotency-Key, unique per principal. */
  readonly key: string;
  /** What was asked, in a form that equal requests share: operation, path and a hash of the body. */
  readonly fingerprint: string;
}

/**
 * Does the work of a request once. The answer is kept in the transaction of the effect, so it exists exactly when the
 * effect does; a repetition within 24 hours gets it and changes nothing. A repetition that comes while the first is at
 * work waits for it. Work that throws leaves nothing behind: the next try does it.
 *
 * The answer is stored as JSON: it must never hold a secret. A check-out stores the id, and reads the value again.
 * @throws DomainError `idempotency_key_reused` when the key came with another request
 */
export async function answerOnce<Answer>(
  unit: Unit,
  request: IdempotentRequest,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const { principalId, key, fingerprint } = request;
  // Waits while another transaction has written this key and is not finished. A key older than a day is free again.
  const isFirst = await execute(
    unit.tx,
    sql`insert into requests as r (principal_id, key, fingerprint, created_at)
     values (${principalId}, ${key}, ${fingerprint}, now())
     on conflict (principal_id, key) do update
        set fingerprint = excluded.fingerprint, created_at = excluded.created_at, answer = null
      where r.created_at < now() - interval '24 hours'`,
  );
  if (isFirst === 1) {
    const answer = await work();
    await execute(
      unit.tx,
      sql`update requests set answer = ${JSON.stringify(answer) ?? 'null'}::json
         where principal_id = ${principalId} and key = ${key}`,
    );
    return answer;
  }
  const rows = await query<{ fingerprint: string; answer: string }>(
    unit.tx,
    sql`select fingerprint, answer::text as answer from requests where principal_id = ${principalId} and key = ${key}`,
  );
  const earlier = rows[0];
  if (earlier?.fingerprint !== fingerprint)
    throw new DomainError(
      'idempotency_key_reused',
      'conflict',
      'This Idempotency-Key came with another request before.',
      { remedy: 'Use a new key for a new request; repeat a request unchanged.' },
    );
  return JSON.parse(earlier.answer) as Answer;
}
