import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { AuditEntry } from '@dsops/contracts/audit/api';

export type UnhashedEntry = Omit<AuditEntry, 'hash'>;

/** Where the chain stands: the last entry's place and hash. */
export interface Head {
  readonly position: number;
  readonly hash: Uint8Array;
}

/** Before the first entry: position 0 and 32 zero bytes. */
export const CHAIN_START: Head = { position: 0, hash: new Uint8Array(32) };

/** An entry's JSON in the one form that everybody gets: RFC 8785. */
export function canonicalJson(value: unknown): string {
  const json = canonicalize(value);
  if (json === undefined) throw new TypeError('This value has no JSON form.');
  return json;
}

/**
 * SHA-256 of the previous entry's 32 bytes, followed by the entry as the API gives it, without `hash`, in canonical
 * JSON (RFC 8785). Anybody can compute it from `GET /audit`.
 */
export const hashOf = (previous: Uint8Array, entry: UnhashedEntry): Buffer =>
  createHash('sha256').update(previous).update(canonicalJson(entry), 'utf8').digest();

/** What walking the chain has shown so far. `firstBroken` is the first place that is missing or does not fit. */
export interface Walk {
  readonly entries: number;
  readonly last: Head;
  readonly firstBroken: number | null;
}

export const walkStart: Walk = { entries: 0, last: CHAIN_START, firstBroken: null };

/** Goes on to the next entry found. Behind a break it goes on from what is written there. */
export function walkOn(walk: Walk, { hash, ...entry }: AuditEntry): Walk {
  const expected = walk.last.position + 1;
  const written = Buffer.from(hash, 'hex');
  const isFitting = entry.position === expected && hashOf(walk.last.hash, entry).equals(written);
  return {
    entries: walk.entries + 1,
    last: { position: entry.position, hash: written },
    firstBroken: walk.firstBroken ?? (isFitting ? null : expected),
  };
}

/** Compares the end of the walk with the head that was known before it began: entries cut off the end show here. */
export function walkEnd(walk: Walk, head: Head): Walk {
  if (walk.firstBroken !== null) return walk;
  if (walk.last.position !== head.position) return { ...walk, firstBroken: walk.last.position + 1 };
  return Buffer.from(walk.last.hash).equals(head.hash) ? walk : { ...walk, firstBroken: head.position };
}
