import { TOPICS, type EventDefinition, type ServiceName, type Topic } from './define-event.js';
import { eventRegistry } from './event-registry.js';
import { retryPolicies } from './retry-policy.js';
import * as rotation from './rotation/events.js';
import * as gateway from './gateway/events.js';

/**
 * A named group of handlers with its own cursors. What a consumer declares here must be what its service handles; a
 * process in which the two differ refuses to start.
 */
export interface ConsumerDeclaration {
  readonly name: string;
  readonly service: ServiceName;
  readonly topics: readonly Topic[];
  /** The types it has handlers for. Other known types of its topics only move the cursor. */
  readonly handles: readonly EventDefinition[];
  /** After these waits a failing event becomes a dead letter, unless its type has a policy of its own. */
  readonly retryDelaysMs: readonly number[];
  /** `blocks`: the key waits for a person. `releases`: the key goes on and the letter stays open. */
  readonly deadLetter: 'blocks' | 'releases';
  /** May a released letter be applied behind newer events of its key? */
  readonly isOrderFree: boolean;
}

const everything = [...eventRegistry.values()];
const fewRetries = [1_000, 5_000, 30_000, 300_000];

export const consumers = {
  audit: {
    name: 'audit',
    service: 'audit',
    topics: TOPICS,
    handles: everything,
    retryDelaysMs: fewRetries,
    deadLetter: 'blocks',
    isOrderFree: false,
  },
  notification: {
    name: 'notification',
    service: 'notification',
    topics: ['rotation-events', 'access-events'],
    handles: [
      rotation.rotationStarted,
      rotation.rotationCompleted,
      rotation.rotationFailed,
      rotation.rotationRolledBack,
      rotation.rotationRollbackFailed,
      rotation.rotationNeedsOperator,
      gateway.principalCreated,
      gateway.principalRevoked,
    ],
    retryDelaysMs: fewRetries,
    deadLetter: 'releases',
    isOrderFree: true,
  },
  feed: {
    name: 'feed',
    service: 'gateway',
    topics: TOPICS,
    handles: everything,
    retryDelaysMs: fewRetries,
    deadLetter: 'releases',
    isOrderFree: true,
  },
} as const satisfies Record<string, ConsumerDeclaration>;

/** No consumer and no type of events lets anything wait longer for its next attempt. */
export const LONGEST_WAIT_MS = Math.max(
  ...Object.values(consumers).flatMap(({ retryDelaysMs }) => retryDelaysMs),
  ...Object.values(retryPolicies).flatMap(({ delaysMs }) => delaysMs),
);
