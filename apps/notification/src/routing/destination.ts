import type { NoticeKind } from '../notice/tellings.js';

/** Where notices go: one place of one channel. */
export interface Destination {
  readonly id: string;
  /** By its name; a later release may have added it. */
  readonly channel: string;
  /** Whose it is; null when it is nobody's own. */
  readonly recipientId: string | null;
  /** Of which kinds it wants notices; empty: of all. */
  readonly kinds: readonly string[];
  /** What of its settings is no secret. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly hasEnded: boolean;
}

type RoutedBy = Pick<Destination, 'recipientId' | 'kinds' | 'hasEnded'>;

export type Route = { readonly kind: 'deliver' } | { readonly kind: 'suppress'; readonly reason: string };

const DELIVER: Route = { kind: 'deliver' };
const suppress = (reason: string): Route => ({ kind: 'suppress', reason });

/**
 * What becomes of a notice at a destination that was there when it happened. That it is not wanted is a decision too,
 * and stands in the ledger: what a destination wants may change, and what it got before must still add up.
 */
export function routeTo({ recipientId, kinds, hasEnded }: RoutedBy, kind: NoticeKind): Route {
  if (hasEnded)
    return suppress(
      recipientId === null
        ? 'The destination was removed before it could be delivered.'
        : 'The recipient was revoked before it could be delivered.',
    );
  if (kinds.length > 0 && !kinds.includes(kind))
    return suppress(`The destination wants no notices of the kind ${kind}.`);
  return DELIVER;
}
