import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Every } from '@dsops/background';
import type { Clock } from '@dsops/kernel';
import type { Logger } from '@dsops/platform';
import { CLOCK, LOGGER } from '@dsops/service';
import { TUNING, type GatewayTuning } from '../gateway.options.js';
import { FeedRepository } from './feed.repository.js';

const EVERY_MS = 3_600_000;
const BATCH = 5_000;
const DAY_MS = 86_400_000;

/** Keeps the feed short: it is for following along. The audit log keeps everything. */
@Injectable()
export class FeedPruning implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly passes = new Every({
    everyMs: EVERY_MS,
    first: 'at-start',
    pass: async () => {
      const removed = await this.prune();
      if (removed > 0) this.logger.info({ removed }, 'feed was pruned');
    },
    onFault: (error) => this.logger.warn({ error }, 'feed was not pruned'),
  });

  constructor(
    private readonly feed: FeedRepository,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(TUNING) private readonly tuning: GatewayTuning,
  ) {}

  onApplicationBootstrap(): void {
    this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  /** Removes what is too old or too much. Answers how many events went. */
  async prune(): Promise<number> {
    const before = new Date(this.clock.now().getTime() - this.tuning.feedKeepDays * DAY_MS);
    let removed = 0;
    for (let batch = BATCH; batch === BATCH; removed += batch)
      batch = await this.feed.prune(before, this.tuning.feedKeepEvents, BATCH);
    return removed;
  }
}
