/**
 * The ledger has one row for each notice and destination, and each row one end:
 *
 *   delivered       it lies in the inbox, or the medium has taken it
 *   suppressed      nobody is to have it, and the reason says why: revoked, removed, not wanted
 *   dead_lettered   it was given up, and the reason says why: the event could not be handled, or no attempt succeeded
 *
 * Until its end a row is waiting. An end is for good; only the dead letter of an event gives way, when the event is
 * replayed, to what became of it.
 */
export type DeliveryOutcome = 'delivered' | 'suppressed' | 'dead_lettered';

/** What was decided about one notice for one destination. */
export interface Decision {
  readonly eventId: string;
  readonly destinationId: string;
  /** Whose destination it is; null when it is nobody's own. */
  readonly recipientId: string | null;
  readonly channel: string;
  /** Null: it waits for its delivery. */
  readonly outcome: DeliveryOutcome | null;
  /** Null unless it is suppressed or dead-lettered. */
  readonly reason: string | null;
}

/** `due` is the sum of all that follow it. */
export interface Balance {
  /** Events worth telling that have become notices. */
  readonly events: number;
  /**
   * Those × the destinations that each is for, and what has its row besides: of events that have not become notices, and
   * at destinations of which it was heard later that they were not there yet, or no more.
   */
  readonly due: number;
  readonly delivered: number;
  readonly suppressed: number;
  readonly deadLettered: number;
  readonly waiting: number;
  /** Due, and without a row in the ledger: always empty unless something was lost. */
  readonly missing: readonly { readonly eventId: string; readonly destinationId: string }[];
}
