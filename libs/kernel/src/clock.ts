/** Time as the domain sees it. Instants are for people and records, durations are measured monotonically. */
export interface Clock {
  /** The present instant (UTC). It may jump when the machine's clock is set. */
  now(): Date;
  /** Milliseconds since an arbitrary origin; never goes back. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};
