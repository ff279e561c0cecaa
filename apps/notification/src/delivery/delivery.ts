import { formatDuration } from '@dsops/kernel';
import type { Sent } from '../channels/channel.js';
import type { DeliveryRetryPolicy } from '../channels/retry-policy.js';

/**
 * The way of one notice to one destination outside. It begins as a row of the ledger that has no outcome:
 *
 *              claimed, and it may be sent                    taken by the medium
 *   waiting ─────────────────────────────────▶ sending ──────────────────────────────▶ delivered
 *    │    ▲                                     │  │  │
 *    │    ├──── failed, and attempts are left ──┘  │  └─ refused, or no attempt left ──▶ dead_lettered
 *    │    └──── the medium wants a pause ──────────┘                                        ▲
 *    │                                                                                      │
 *    ├── claimed, and it is too old, or each attempt ended with its process ────────────────┘
 *    └── claimed, and its destination has ended ──▶ suppressed
 *
 * - **waiting** has an instant from which it may be claimed. A destination gets its notices in the order in which they
 *   became due, one at a time: only the first that waits can be claimed, and no other destination waits for it.
 * - **sending** is a claim: a waiting row whose instant is that at which its lease runs out, and whose fence was raised.
 *   An attempt counts when it is claimed. A process that dies leaves the row to be claimed again after the lease; what it
 *   had sent is then sent once more, with the same key, by which a medium can tell.
 * - A pause that the medium asks for is no failure. It holds for the whole destination, and the attempt does not count.
 *   So does the shortest time between two messages that a channel has set for itself.
 *
 * What is decided here is written by whoever holds the latest fence; a worker that lost its lease writes nothing.
 */
export interface Waiting {
  /** With the present one, once it is claimed. */
  readonly attempts: number;
  readonly waitingSince: Date;
  /** Why the attempt before failed; null when there was none, or nobody knows how it ended. */
  readonly lastFailure: string | null;
  readonly hasDestinationEnded: boolean;
}

export type End =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'suppressed'; readonly reason: string }
  | { readonly kind: 'dead_lettered'; readonly reason: string };

export interface Again {
  readonly kind: 'again';
  readonly afterMs: number;
  readonly failure: string;
  /** Nothing goes to this destination until then, and the attempt does not count. */
  readonly isPause: boolean;
}

/** A medium that wants a pause and does not say how long. */
const UNTOLD_PAUSE_MS = 30_000;
const SHORTEST_PAUSE_MS = 1_000;

/** May a delivery that was claimed be sent? `attempts` counts the one that is about to begin. */
export function beforeAttempt(
  waiting: Waiting,
  policy: DeliveryRetryPolicy,
  now: Date,
): End | { readonly kind: 'send' } {
  if (waiting.hasDestinationEnded)
    return { kind: 'suppressed', reason: 'The destination was removed before it could be delivered.' };
  const why = waiting.lastFailure ?? 'No attempt came to an end.';
  if (ageMs(waiting, now) > policy.giveUpAfterMs)
    return givenUp(`It could not be delivered in ${formatDuration(policy.giveUpAfterMs)}`, why);
  if (waiting.attempts > mostAttempts(policy)) return givenUp(`Attempt ${waiting.attempts - 1} was the last`, why);
  return { kind: 'send' };
}

/** What follows from an attempt. */
export function afterAttempt(sent: Sent, waiting: Waiting, policy: DeliveryRetryPolicy, now: Date): End | Again {
  switch (sent.kind) {
    case 'delivered':
      return { kind: 'delivered' };
    case 'refused':
      return { kind: 'dead_lettered', reason: sent.reason };
    case 'limited': {
      const afterMs = Math.max(sent.retryAfterMs ?? UNTOLD_PAUSE_MS, SHORTEST_PAUSE_MS);
      if (ageMs(waiting, now) + afterMs > policy.giveUpAfterMs)
        return givenUp('The pause that was asked for is longer than it can wait', sent.reason);
      return { kind: 'again', afterMs, failure: sent.reason, isPause: true };
    }
    case 'failed': {
      const afterMs = policy.delaysMs[waiting.attempts - 1];
      if (afterMs === undefined) return givenUp(`Attempt ${waiting.attempts} was the last`, sent.reason);
      return { kind: 'again', afterMs, failure: sent.reason, isPause: false };
    }
  }
}

const mostAttempts = ({ delaysMs }: DeliveryRetryPolicy): number => delaysMs.length + 1;
const ageMs = ({ waitingSince }: Waiting, now: Date): number => now.getTime() - waitingSince.getTime();
const givenUp = (what: string, why: string): End => ({ kind: 'dead_lettered', reason: `${what}: ${why}` });
