/** Bounds of everything the driver waits for, in milliseconds. */
export interface Limits {
  /** From the first packet of a connection until the session is ready. */
  readonly connectTimeoutMs: number;
  /** How long a command may wait at the target for another transaction. */
  readonly lockTimeoutMs: number;
  /** How long a command may run at the target. */
  readonly statementTimeoutMs: number;
  /** How long we wait for an answer; longer than the target's own limits, so that it speaks first. */
  readonly answerTimeoutMs: number;
  /** How long ending sessions may take until the target confirms that they are gone. */
  readonly endTimeoutMs: number;
  /** Between two looks at whether a session is gone. */
  readonly lookEveryMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  connectTimeoutMs: 10_000,
  lockTimeoutMs: 5_000,
  statementTimeoutMs: 10_000,
  answerTimeoutMs: 15_000,
  endTimeoutMs: 10_000,
  lookEveryMs: 50,
};
