/** When a failed attempt is made again, and until when. */
export interface DeliveryRetryPolicy {
  /** The wait after the first failed attempt, the second and so on. One attempt more than there are waits. */
  readonly delaysMs: readonly number[];
  /** Counted from when the notice was first due here. Later it would tell nobody anything new. */
  readonly giveUpAfterMs: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** How long a message may be on its way. A channel names one of these. */
export const RETRY_POLICIES = {
  /** For a machine that asked to be called: it has a list of its own to look at. */
  brief: { delaysMs: [SECOND, 5 * SECOND], giveUpAfterMs: 10 * MINUTE },
  /** For what people read as it comes, such as a chat. */
  steady: {
    delaysMs: [SECOND, 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR],
    giveUpAfterMs: 6 * HOUR,
  },
  /** For what is still read the next day, and whose servers put senders off on purpose, such as mail. */
  patient: {
    delaysMs: [30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR],
    giveUpAfterMs: 24 * HOUR,
  },
} as const satisfies Record<string, DeliveryRetryPolicy>;

export type RetryPolicyName = keyof typeof RETRY_POLICIES;
