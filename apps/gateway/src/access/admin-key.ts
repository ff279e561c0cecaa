import type { StatedKey } from './api-key.js';

/** What stands in the file that the command line reads its key from. */
export type KeyFileContent =
  | { readonly kind: 'absent' }
  /** Something that is no key, such as half a line. */
  | { readonly kind: 'damaged' }
  | { readonly kind: 'key'; readonly stated: StatedKey };

/** What the database knows. */
export interface KnownKeys {
  /** The key in the file: is it one of ours, and may it be used? `foreign`: this database never had it. */
  readonly fileKey: 'usable' | 'revoked' | 'foreign' | 'none';
  /** The key that an earlier start made and that may still be used. */
  readonly startKeyId: string | undefined;
  /** Has somebody made another admin key that may be used? */
  readonly hasOtherAdmin: boolean;
}

export type AdminKeyStep =
  /** The file's key works. */
  | { readonly kind: 'keep' }
  /** An admin revoked the key of the file and has another one: that is respected. */
  | { readonly kind: 'respect' }
  /** A new key is made. What stands in the file is moved aside first, never overwritten; the lost key is revoked. */
  | { readonly kind: 'make'; readonly movesFileAside: boolean; readonly revokes: string | undefined };

/**
 * Decides about the admin key of the first start.
 *
 * - No file, empty database: the first start; a key is made.
 * - No file, but the database has its key: the file was lost and nobody can read that key again; a new one replaces it.
 * - A file with a key that this database never had (the database is new, or came back from a copy): the key may be in
 *   use elsewhere, so it gets no rights here; the file is moved aside and a new key made.
 * - A file with a key that was revoked: as its admin wanted, unless nobody could administer dsops any more.
 */
export function decideAdminKey(file: KeyFileContent['kind'], known: KnownKeys): AdminKeyStep {
  if (file === 'key' && known.fileKey === 'usable') return { kind: 'keep' };
  const wasRevoked = file === 'key' ? known.fileKey === 'revoked' : known.startKeyId === undefined;
  if (wasRevoked && known.hasOtherAdmin && known.startKeyId === undefined) return { kind: 'respect' };
  return { kind: 'make', movesFileAside: file !== 'absent', revokes: known.startKeyId };
}
