import type { Head } from './chain.js';

/** The head as it is kept outside the database: whoever may do everything there cannot change it. */
export interface KeptHead extends Head {
  readonly writtenAt: Date;
}

/** How the log stands to the head that is kept outside. */
export type Comparison =
  | { readonly kind: 'fits' }
  /** So many entries at the end are missing. */
  | { readonly kind: 'cut'; readonly missing: number }
  /** Another entry stands where the kept head was. */
  | { readonly kind: 'rewritten' };

/**
 * The kept head is written after the entries are committed, so a log that nobody touched is never behind it.
 * @param hashAt of the entry at the kept position; null when there is none
 */
export function compareHeads(kept: Head, head: Head, hashAt: Uint8Array | null): Comparison {
  if (head.position < kept.position) return { kind: 'cut', missing: kept.position - head.position };
  if (hashAt === null || !Buffer.from(hashAt).equals(kept.hash)) return { kind: 'rewritten' };
  return { kind: 'fits' };
}
