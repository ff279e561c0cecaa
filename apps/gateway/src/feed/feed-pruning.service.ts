import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Clock } from '@dsops/kernel';
import type { Logger } from '@dsops/platform';
import { CLOCK, LOGGER, TUNING, type GatewayTuning } from '../gateway.options.js';
import { FeedRepository } from './feed.repository.js';

const EVERY_MS = 3_600_000;
const BATCH = 5_000;
const DAY_MS = 86_400_000;

/** Keeps the feed short: it is for following along. The audit log keeps everything. */
@Injectable()
export class FeedPruning implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer?: NodeJS.Timeout;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly feed: FeedRepository,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(TUNING) private readonly tuning: GatewayTuning,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.pruneInBackground(), EVERY_MS).unref();
    this.pruneInBackground();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** Removes what is too old or too much. Answers how many events went. */
  async prune(): Promise<number> {
    const before = new Date(this.clock.now().getTime() - this.tuning.feedKeepDays * DAY_MS);
    let removed = 0;
    for (let batch = BATCH; batch === BATCH; removed += batch)
      batch = await this.feed.prune(before, this.tuning.feedKeepEvents, BATCH);
    return removed;
  }

  private pruneInBackground(): void {
    this.running = this.running
      .then(() => this.prune())
      .then(
        (removed) => void (removed > 0 && this.logger.info({ removed }, 'feed was pruned')),
        (error: unknown) => this.logger.warn({ error }, 'feed was not pruned'),
      );
  }
}
