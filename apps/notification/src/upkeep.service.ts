import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Every } from '@dsops/background';
import type { Logger } from '@dsops/platform';
import { LOGGER } from '@dsops/service';
import { InboxService } from './channels/inbox/inbox.service.js';
import { LedgerService } from './ledger/ledger.service.js';

const PASS_EVERY_MS = 60_000;

/**
 * What no event brings about: dead letters get their rows in the ledger, old notifications leave the inboxes. A pass
 * changes nothing when there is nothing to do, so any number of replicas may make it.
 */
@Injectable()
export class UpkeepService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly passes = new Every({
    everyMs: PASS_EVERY_MS,
    first: 'at-start',
    pass: () => this.pass(),
    onFault: (error) => this.logger.warn({ error }, 'upkeep failed'),
  });

  constructor(
    private readonly ledger: LedgerService,
    private readonly inbox: InboxService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  async pass(): Promise<void> {
    const buried = await this.ledger.settleDeadLetters();
    const archived = await this.inbox.archiveOld();
    if (buried > 0) this.logger.warn({ deliveries: buried }, 'notifications dead-lettered');
    if (archived > 0) this.logger.info({ notifications: archived }, 'notifications archived');
  }
}
