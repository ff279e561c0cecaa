/** Of {@link GatewayTuning}. */
export const TUNING = Symbol('GatewayTuning');

/** The operations that have a route: the table of the contracts. */
export const OPERATIONS = Symbol('Operations');

/** Numbers that operators may change and tests make small. */
export interface GatewayTuning {
  /** How long a service may take for one request. Shorter than the 60 s that clients wait. */
  readonly forwardTimeoutMs: number;
  /** How long a service may take to say that it is ready. */
  readonly readinessTimeoutMs: number;
  /** Requests that make something, per principal and minute, in each process of the gateway. */
  readonly creationsPerMinute: number;
  /** A recorded request without outcome is reported after this time: longer than any request may take. */
  readonly unknownOutcomeAfterMs: number;
  readonly feedHeartbeatMs: number;
  /** How often the feed looks for events that another process has appended. */
  readonly feedPollMs: number;
  /** Events that wait in memory for a client that reads slowly. */
  readonly feedBuffer: number;
  readonly feedKeepDays: number;
  readonly feedKeepEvents: number;
}

export const DEFAULT_TUNING: GatewayTuning = {
  forwardTimeoutMs: 50_000,
  readinessTimeoutMs: 2_000,
  creationsPerMinute: 100,
  unknownOutcomeAfterMs: 300_000,
  feedHeartbeatMs: 15_000,
  feedPollMs: 250,
  feedBuffer: 100,
  feedKeepDays: 7,
  feedKeepEvents: 100_000,
};
