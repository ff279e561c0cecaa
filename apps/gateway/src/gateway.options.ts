import type { DatabaseOptions } from '@dsops/database';
import type { Clock, Secret } from '@dsops/kernel';
import type { MessagingOptions } from '@dsops/messaging';
import type { Invoker } from '@dsops/platform';

/** The gateway's own Prisma client. */
export const DATABASE = Symbol('Database');
export const CLOCK = Symbol('Clock');
export const LOGGER = Symbol('Logger');
export const TUNING = Symbol('GatewayTuning');
/** The release that runs, such as `0.1.0`. */
export const VERSION = Symbol('Version');
/** See {@link GatewayOptions.internalToken}. */
export const INTERNAL_TOKEN = Symbol('InternalToken');

/** What an app chooses for the gateway. */
export interface GatewayOptions extends Pick<
  MessagingOptions,
  'transport' | 'logger' | 'relay' | 'consumer' | 'sweep'
> {
  readonly database: DatabaseOptions;
  readonly invoker: Invoker;
  /** The release, such as `0.1.0`. */
  readonly version: string;
  /** What other services state when they call the gateway's internal routes, which lie on the same port as the API. */
  readonly internalToken: Secret;
  readonly clock?: Clock;
  readonly tuning?: Partial<GatewayTuning>;
}

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
