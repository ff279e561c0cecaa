import { PrismaClient } from '@dsops/database/notification';
import { defineService } from '@dsops/service';
import { InboxController } from './channels/inbox/inbox.http.js';
import { InboxRepository } from './channels/inbox/inbox.repository.js';
import { InboxService } from './channels/inbox/inbox.service.js';
import { LedgerRepository } from './ledger/ledger.repository.js';
import { LedgerService } from './ledger/ledger.service.js';
import { NotificationMetrics } from './notification-metrics.service.js';
import { NotificationEvents } from './notification.events.js';
import { UpkeepService } from './upkeep.service.js';

/** Inboxes, and the ledger that shows that nobody was forgotten. */
export const notification = defineService({
  name: 'notification',
  database: PrismaClient,
  controllers: [InboxController],
  consumers: [NotificationEvents],
  providers: [InboxRepository, InboxService, LedgerRepository, LedgerService, NotificationMetrics, UpkeepService],
});
