import { Inject, Injectable } from '@nestjs/common';
import { Loop } from '@dsops/background';
import type { Logger } from '@dsops/platform';
import { LOGGER } from '@dsops/service';
import { TUNING, type GatewayTuning } from '../gateway.options.js';
import type { FeedEvent } from './feed-frames.js';
import { FeedRepository } from './feed.repository.js';

export type FeedListener = (events: readonly FeedEvent[]) => void;

const PAGE = 200;
const FIRST_LOOK_MS = 2;
const AFTER_FAILURE_MS = 1_000;

/**
 * Follows the end of the feed for all streams of this process together, as long as there are any. It looks again soon
 * when this process is appending something, and now and then for what others have appended.
 */
@Injectable()
export class FeedTail {
  private listener: FeedListener | undefined;
  private following: Loop | undefined;
  private expected = 0n;
  /** How long it rested last. */
  private restedMs = 0;
  /** Every event up to here was given to the listener; undefined while nobody listens. */
  position: bigint | undefined;

  constructor(
    private readonly feed: FeedRepository,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(TUNING) private readonly tuning: GatewayTuning,
  ) {}

  /** A transaction that is about to commit has taken this position. */
  expect(position: bigint): void {
    const knewAlready = this.isBehind;
    if (position > this.expected) this.expected = position;
    if (knewAlready) return;
    this.restedMs = 0;
    this.following?.ring();
  }

  /** Begins at the present end of the feed, unless it runs already. */
  async start(listener: FeedListener): Promise<void> {
    if (this.listener !== undefined) return;
    await this.stop();
    const { head } = await this.feed.read(0n, 0);
    if (this.following !== undefined) return; // somebody else was faster
    this.listener = listener;
    this.position = head;
    this.restedMs = 0;
    this.following = new Loop({
      work: () => this.look(),
      onFault: (error) => this.logger.warn({ error }, 'feed cannot be read'),
      backOff: { firstMs: AFTER_FAILURE_MS, longestMs: AFTER_FAILURE_MS },
    });
    this.following.start();
  }

  async stop(): Promise<void> {
    this.listener = undefined;
    this.position = undefined;
    const { following } = this;
    await following?.stop();
    if (this.following === following) this.following = undefined;
  }

  private get isBehind(): boolean {
    return this.position !== undefined && this.expected > this.position;
  }

  /** Gives on what is new. Answers how long to rest before it looks again, 0 when there may be more. */
  private async look(): Promise<number> {
    const { events } = await this.feed.read(this.position ?? 0n, PAGE);
    const last = events.at(-1);
    if (last !== undefined && this.listener !== undefined) {
      this.position = last.position;
      this.listener(events);
    }
    if (events.length === PAGE) return 0;
    // What was expected commits any moment now, or was rolled back: often at first, then at the usual pace.
    const nextMs = events.length > 0 ? FIRST_LOOK_MS : Math.max(this.restedMs * 2, FIRST_LOOK_MS);
    this.restedMs = this.isBehind ? Math.min(nextMs, this.tuning.feedPollMs) : this.tuning.feedPollMs;
    return this.restedMs;
  }
}
