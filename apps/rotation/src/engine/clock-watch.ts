/** From here on a difference is no drift but a clock that was set. */
export const AHEAD_ALARM_MS = 60_000;
const MOST_JUMPS = 100;

/** The database's clock went further than time did. */
export interface ClockJump {
  /** The database's time when it was noticed. */
  readonly atMs: number;
  readonly aheadMs: number;
}

/**
 * What a process knows about the database's clock: where it stood at the last look, beside the process's own monotonic
 * time, which nobody can set.
 */
export interface ClockWatch {
  readonly databaseMs: number;
  readonly monotonicMs: number;
  /** Oldest first. */
  readonly jumps: readonly ClockJump[];
}

/** One look. A difference of a minute or more since the last one is a jump that waits by that clock must not count. */
export function look(before: ClockWatch | null, databaseMs: number, monotonicMs: number): ClockWatch {
  if (!before) return { databaseMs, monotonicMs, jumps: [] };
  const aheadMs = databaseMs - before.databaseMs - (monotonicMs - before.monotonicMs);
  const jumps = aheadMs >= AHEAD_ALARM_MS ? [...before.jumps, { atMs: databaseMs, aheadMs }] : before.jumps;
  return { databaseMs, monotonicMs, jumps: jumps.slice(-MOST_JUMPS) };
}

/**
 * When a wait is over that began at `sinceMs` and was to last until `untilMs` of the database's time: later by every
 * jump that lies in it, because nobody lived through that time. A wait that began after the jump and before anybody
 * noticed it is longer than it had to be: where the clock was set back before, its times look like earlier ones.
 */
export const overAt = (sinceMs: number, untilMs: number, jumps: readonly ClockJump[]): number =>
  jumps.reduce(
    (overMs, { atMs, aheadMs }) => (atMs >= sinceMs && atMs - aheadMs < overMs ? overMs + aheadMs : overMs),
    untilMs,
  );
