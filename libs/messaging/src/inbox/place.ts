/** How far a consumer is with one key. */
export interface Progress {
  readonly epoch: number;
  readonly sequence: bigint;
}

/**
 * Where an event stands, seen from the cursor:
 *   behind  settled already, or another event stands at its place: its id tells
 *   next    its turn
 *   ahead   its predecessors are missing
 *   stale   of an epoch that has ended
 */
export type Standing = 'behind' | 'next' | 'ahead' | 'stale';

/** A higher epoch starts its keys at 1, wherever the cursor was. */
export function standingOf(cursor: Progress, event: Progress): Standing {
  if (event.epoch < cursor.epoch) return 'stale';
  const settled = event.epoch === cursor.epoch ? cursor.sequence : 0n;
  if (event.sequence <= settled) return 'behind';
  return event.sequence === settled + 1n ? 'next' : 'ahead';
}

/** Order of events within one key. */
export const byPlace = (a: Progress, b: Progress): number =>
  a.epoch - b.epoch || (a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : 0);
