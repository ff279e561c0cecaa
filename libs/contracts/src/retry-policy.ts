/** What follows when a consumer cannot handle an event, or a worker cannot do what an event asked for. */
export interface RetryPolicy {
  /** The waits before each further attempt; when they are used up, it becomes a dead letter. */
  readonly delaysMs: readonly number[];
  /** How long a dead letter is kept that holds nothing up. One that blocks its key is kept until somebody settles it. */
  readonly keepLettersDays: number;
}

/** For dead letters of types that name no policy. */
export const KEEP_LETTERS_DAYS = 30;

const doubling = (firstMs: number, times: number): number[] =>
  Array.from({ length: times }, (_, nth) => firstMs * 2 ** nth);

/** The policies that event types choose from. */
export const retryPolicies = {
  /** What a person has finished: few attempts, far apart. */
  completion: { delaysMs: [30_000, 300_000, 1_800_000], keepLettersDays: 30 },
  /** What has a time: soon again at first, for 17 minutes in all. */
  reminder: { delaysMs: doubling(1_000, 10), keepLettersDays: 7 },
  /** What the next one makes up for: for half a minute. */
  update: { delaysMs: doubling(1_000, 5), keepLettersDays: 14 },
} as const satisfies Record<string, RetryPolicy>;
