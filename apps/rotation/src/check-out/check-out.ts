import { LONGEST_CHECK_OUT_MS, SHORTEST_CHECK_OUT_MS } from '@dsops/contracts/rotation/api';
import { DomainError, parseDuration } from '@dsops/kernel';

/** @throws DomainError `duration_invalid`, `ttl_out_of_range` */
export function parseTtl(ttl: string): number {
  const ttlMs = parseDuration(ttl);
  if (ttlMs < SHORTEST_CHECK_OUT_MS || ttlMs > LONGEST_CHECK_OUT_MS)
    throw new DomainError('ttl_out_of_range', 'invalid', 'A check-out lasts from 1 second to 24 hours.', {
      path: 'ttl',
      remedy: 'Ask for a time between 1s and 24h, and check out again when it is over.',
    });
  return ttlMs;
}
