import { Inject, Injectable } from '@nestjs/common';
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
  private running: Promise<void> | undefined;
  private wake: () => void = () => undefined;
  private expected = 0n;
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
    if (!knewAlready) this.wake();
  }

  /** Begins at the present end of the feed, unless it runs already. */
  async start(listener: FeedListener): Promise<void> {
    if (this.listener !== undefined) return;
    await this.running;
    const { head } = await this.feed.read(0n, 0);
    if (this.running !== undefined) return;
    this.listener = listener;
    this.position = head;
    this.running = this.follow();
  }

  async stop(): Promise<void> {
    this.listener = undefined;
    this.position = undefined;
    this.wake();
    await this.running;
  }

  private get isBehind(): boolean {
    return this.position !== undefined && this.expected > this.position;
  }

  private async follow(): Promise<void> {
    for (let delayMs = 0; this.listener !== undefined;) {
      const found = await this.look();
      if (found === 'failed') delayMs = AFTER_FAILURE_MS;
      else if (found === PAGE) delayMs = 0;
      // What was expected commits any moment now, or was rolled back: often at first, then at the usual pace.
      else if (this.isBehind)
        delayMs = Math.min(found > 0 ? FIRST_LOOK_MS : Math.max(delayMs * 2, FIRST_LOOK_MS), this.tuning.feedPollMs);
      else delayMs = this.tuning.feedPollMs;
      if (delayMs > 0 && (await this.rest(delayMs)) === 'woken') delayMs = 0;
    }
    this.running = undefined;
  }

  /** Gives on what is new. Answers how much it was. */
  private async look(): Promise<number | 'failed'> {
    try {
      const { events } = await this.feed.read(this.position ?? 0n, PAGE);
      const last = events.at(-1);
      if (last !== undefined && this.listener !== undefined) {
        this.position = last.position;
        this.listener(events);
      }
      return events.length;
    } catch (error) {
      this.logger.warn({ error }, 'feed cannot be read');
      return 'failed';
    }
  }

  private rest(delayMs: number): Promise<'woken' | 'rested'> {
    return new Promise((done) => {
      if (this.listener === undefined) return done('woken');
      const timer = setTimeout(() => done('rested'), delayMs);
      this.wake = () => {
        clearTimeout(timer);
        done('woken');
      };
    });
  }
}
