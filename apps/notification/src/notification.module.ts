import { Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/notification';
import { systemClock } from '@dsops/kernel';
import { MessagingModule, transportDependency } from '@dsops/messaging';
import { HealthModule } from '@dsops/platform';
import { InboxController } from './channels/inbox/inbox.http.js';
import { InboxRepository } from './channels/inbox/inbox.repository.js';
import { InboxService } from './channels/inbox/inbox.service.js';
import { LedgerRepository } from './ledger/ledger.repository.js';
import { LedgerService } from './ledger/ledger.service.js';
import { NotificationMetrics } from './notification-metrics.service.js';
import { NotificationEvents } from './notification.events.js';
import { CLOCK, DATABASE, LOGGER, type NotificationOptions } from './notification.options.js';
import { UpkeepService } from './upkeep.service.js';

/** The notification service: inboxes, and the ledger that shows that nobody was forgotten. */
@Module({})
export class NotificationModule implements OnApplicationShutdown {
  constructor(@Inject(DATABASE) private readonly database: PrismaClient) {}

  static register(options: NotificationOptions): DynamicModule {
    const clock = options.clock ?? systemClock;
    const database = connect(PrismaClient, 'notification', options.database);
    return {
      module: NotificationModule,
      imports: [
        MessagingModule.forService({ ...options, service: 'notification', database, clock }),
        HealthModule.of(
          [
            { name: 'database', check: () => database.$queryRawUnsafe('select 1') },
            ...transportDependency(options.transport),
          ],
          options.logger,
        ),
      ],
      controllers: [InboxController],
      providers: [
        { provide: DATABASE, useValue: database },
        { provide: LOGGER, useValue: options.logger },
        { provide: CLOCK, useValue: clock },
        InboxRepository,
        InboxService,
        LedgerRepository,
        LedgerService,
        NotificationMetrics,
        NotificationEvents,
        UpkeepService,
      ],
    };
  }

  /** The consumer and the upkeep have stopped by now: they do so before the application shuts down. */
  async onApplicationShutdown(): Promise<void> {
    await this.database.$disconnect();
  }
}
