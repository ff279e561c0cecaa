/** How far a clock is set ahead, and what is further ahead than any check-out of the harness can be. */
export const CLOCK_AHEAD_MS = 2 * 3_600_000;
