import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import type { RetryPolicy } from '@dsops/contracts/retry-policy';
import { isDomainError, type ErrorKind } from '@dsops/kernel';

/** Does the same event have a chance later? What is wrong in itself stays wrong. */
const CAN_PASS_LATER: Record<ErrorKind, boolean> = {
  invalid: false,
  too_large: false,
  unauthenticated: true,
  forbidden: true,
  not_found: true, // the event that makes it may come on another topic
  conflict: true,
  rate_limited: true,
  refused: true,
  unavailable: true,
  internal: true,
};

export type Consequence =
  | { readonly kind: 'retry'; readonly delayMs: number }
  /** The letter stays open; the key waits for a person (`blocks`) or goes on. */
  | { readonly kind: 'dead'; readonly blocks: boolean };

/**
 * What follows from a failed attempt, the `attempts`-th of this event.
 * @param retries the policy of its type, if it has one
 */
export function consequenceOf(
  declaration: ConsumerDeclaration,
  retries: RetryPolicy | undefined,
  error: unknown,
  attempts: number,
): Consequence {
  const delayMs = (retries?.delaysMs ?? declaration.retryDelaysMs)[attempts - 1];
  const isHopeless = isDomainError(error) && !CAN_PASS_LATER[error.kind];
  if (delayMs !== undefined && !isHopeless) return { kind: 'retry', delayMs };
  return { kind: 'dead', blocks: declaration.deadLetter === 'blocks' };
}

/** Why it failed, in words that are safe to keep: messages of foreign errors may quote what they were given. */
export function reasonOf(error: unknown): string {
  if (isDomainError(error)) return `${error.message} (${error.code})`;
  if (!(error instanceof Error)) return 'The handler threw something that is no error.';
  const code = (error as { code?: unknown }).code;
  return `The handler failed with ${error.name}${typeof code === 'string' ? ` ${code}` : ''}.`;
}
