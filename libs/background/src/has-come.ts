import { raw, type Sql } from '@dsops/database';

/**
 * SQL for "this instant has come", on the database's clock. An instant is never set further ahead than `longestMs`: what
 * lies further ahead was set before that clock was set back, and nobody should wait until it has caught up.
 * @param instant a column with time zone
 */
export const hasCome = (instant: string, longestMs: number): Sql =>
  // Twice, because transactions see the clock as it was when they began.
  raw(`(${instant} <= now() or ${instant} > now() + interval '${2 * longestMs} milliseconds')`);
