/**
 * How an installation gets from master key A to B while it may be killed at any instant.
 *
 * Three things are durable: the key file, `.next` beside it, and the row of the installation (`key_id`, `next_key_id`).
 * Each arrow is one durable act: a file that gets its name after its content is on disk, or a commit.
 *
 * ```
 *            key file  .next   key_id  next_key_id   values sealed under
 *  settled      A        –        A         –         A
 *     │ write .next
 *  prepared     A        B        A         –         A
 *     │ commit next_key_id; services are shut out of what they seal
 *  begun        A        B        A         B         A and B
 *     │ batches, a transaction each: every value goes from A to B by compare-and-set; then each is opened under B
 *     │ commit key_id = B, with every password that comes from the key; services are let in again
 *  changed      A        B        B         –         B
 *     │ hand the new service keys out; copy the key file to .A.old; rename .next to the key file
 *  settled      B        –        B         –         B
 * ```
 *
 * In every row of the drawing each value opens with a key that is on disk: A is the key file as long as a value is sealed
 * under it, and B has been on disk since before the first one was.
 *
 * Between two rows nothing else can be seen but this: `.A.old` there and the key file still A (the copy came first), or
 * the key file B while the database says `begun`, when its server forgot the last commits (a standby took over, a backup
 * of that time was restored). A is in `.A.old` then, and the change goes on.
 *
 * A `.next` that the database does not name is never taken for a key: either the kill came before the first commit, and
 * nothing is sealed under it, or somebody put it there. It is set aside, not deleted, because another copy of the
 * database may need it.
 */
export interface Found {
  /** Of the installation's row. */
  readonly keyId: string;
  readonly nextKeyId: string | null;
  /** The ids of the keys on disk; null where there is no such file. */
  readonly current: string | null;
  readonly next: string | null;
  /** Of former keys and those set aside. */
  readonly kept: readonly string[];
  /** How many values are sealed under `nextKeyId`; 0 without one. */
  readonly sealedUnderNext: number;
}

export type NextStep =
  /** Settled: a change can begin. `setAside`: what `.next` holds belongs to nothing here. */
  | { readonly is: 'begin'; readonly setAside: boolean }
  /** Begun, and nothing is sealed under the key that is gone: back to settled, from where it begins anew. */
  | { readonly is: 'withdraw' }
  /** Begun: the values go on from A to B. */
  | { readonly is: 'reseal' }
  /** Changed: only files are left to do. */
  | { readonly is: 'install' }
  /** A key that values are sealed under is not where it should be. */
  | { readonly is: 'missing'; readonly keyId: string; readonly place: 'key file' | '.next' };

/** What is to be done next, from what is there. */
export function nextStep(found: Found): NextStep {
  const { keyId, nextKeyId, current, next, kept, sealedUnderNext } = found;
  const missing = (id: string, place: 'key file' | '.next'): NextStep => ({ is: 'missing', keyId: id, place });
  if (nextKeyId === null) {
    if (next === keyId) return { is: 'install' };
    if (current === keyId) return { is: 'begin', setAside: next !== null };
    return missing(keyId, 'key file');
  }
  if (current !== keyId && !kept.includes(keyId)) return missing(keyId, 'key file');
  if (next === nextKeyId || current === nextKeyId) return { is: 'reseal' };
  if (current !== keyId) return missing(keyId, 'key file');
  return sealedUnderNext === 0 ? { is: 'withdraw' } : missing(nextKeyId, '.next');
}
