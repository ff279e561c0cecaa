import type { EventDefinition } from './define-event.js';
import type { ServiceName } from './service-names.js';
import type { Topic } from './topics.js';

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

/** For a consumer that has no reason for other waits. */
export const FEW_RETRIES_MS = [1_000, 5_000, 30_000, 300_000] as const;
