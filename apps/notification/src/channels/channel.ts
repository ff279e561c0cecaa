import type { z } from 'zod';
import type { Unit } from '@dsops/messaging';
import type { WordedNotice } from '../notice/notice.js';
import type { Priority } from '../notice/tellings.js';
import type { RetryPolicyName } from './retry-policy.js';

/** What a channel answers about one attempt. Reasons are sentences for people, and hold no setting and no foreign text. */
export type Sent =
  | { readonly kind: 'delivered' }
  /** It may work the next time. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** The medium wants nothing more from us for a while: nothing is sent to this destination until then. Null: it did not say. */
  | { readonly kind: 'limited'; readonly reason: string; readonly retryAfterMs: number | null }
  /** The medium will never take this: no further attempt. */
  | { readonly kind: 'refused'; readonly reason: string };

/** One attempt to send a message. */
export interface Attempt {
  /** The same for every attempt of one delivery: for a medium that drops what it has had already. */
  readonly key: string;
  /** 1, 2, 3 … */
  readonly number: number;
  /** Aborted when the channel's time for an attempt is over. */
  readonly signal: AbortSignal;
}

/** A message for a destination that lies in our own database. */
export interface InboxEntry<Message> {
  readonly id: string;
  readonly eventId: string;
  readonly recipientId: string;
  readonly kind: string;
  readonly priority: Priority;
  readonly message: Message;
}

interface Definition<Settings extends z.ZodObject, Message> {
  /** In tables, metrics and texts: small letters. It never changes. */
  readonly name: string;
  /** What a destination of this channel needs. What is secret in it is marked, see `secretText`. */
  readonly settings: Settings;
  /** Makes of a notice what the medium shows, in its own markup, no longer than it allows. Pure. */
  render(told: WordedNotice, settings: z.output<Settings>): Message;
}

/** Within our own database: what is put there is delivered, at once and in the transaction that decides it. */
export interface InsideChannel<Settings extends z.ZodObject = z.ZodObject, Message = unknown> extends Definition<
  Settings,
  Message
> {
  readonly reach: 'inside';
  /** All entries of one notice, or of one recipient. No other input or output: handlers of events wait for it. */
  put(entries: readonly InboxEntry<Message>[], unit: Unit, at: Date): Promise<void>;
}

/** Somewhere else: a worker sends, outside of any transaction, as often as the policy says. */
export interface OutsideChannel<Settings extends z.ZodObject = z.ZodObject, Message = unknown> extends Definition<
  Settings,
  Message
> {
  readonly reach: 'outside';
  readonly limits: {
    /** How long an attempt may take. One that takes longer has failed, whatever becomes of it. */
    readonly timeoutMs: number;
    /** The least time from one message to the next at the same destination; 0: none. */
    readonly betweenMs: number;
    readonly retries: RetryPolicyName;
  };
  /** Sends once. What it throws counts as `failed`. */
  send(message: Message, settings: z.output<Settings>, attempt: Attempt): Promise<Sent>;
  /** Shows a person who adds a destination whether it works. Once, and nothing of it is in the ledger. */
  test(settings: z.output<Settings>, attempt: Attempt): Promise<Sent>;
}

/**
 * One way to reach people. It says what it is and leaves everything else to the service: who gets what (routing), that
 * nothing is lost or doubled (ledger), when it is tried again (delivery), and where its settings lie.
 */
export type Channel = InsideChannel | OutsideChannel;

/** Checks a definition against its own settings and message. */
export const defineInside = <S extends z.ZodObject, M>(channel: Omit<InsideChannel<S, M>, 'reach'>): InsideChannel => ({
  ...channel,
  reach: 'inside',
});
export const defineOutside = <S extends z.ZodObject, M>(
  channel: Omit<OutsideChannel<S, M>, 'reach'>,
): OutsideChannel => ({ ...channel, reach: 'outside' });
