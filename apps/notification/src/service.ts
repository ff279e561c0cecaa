import { Bell } from '@dsops/background';
import { PrismaClient } from '@dsops/database/notification';
import { Sealer, type ServiceKey } from '@dsops/sealing';
import { defineService, type Service } from '@dsops/service';
import type { Channel } from './channels/channel.js';
import { Channels } from './channels/channels.js';
import * as ours from './channels/kinds.js';
import { InboxController } from './channels/inbox/inbox.http.js';
import { InboxRepository } from './channels/inbox/inbox.repository.js';
import { InboxService } from './channels/inbox/inbox.service.js';
import { DeliveryRepository } from './delivery/delivery.repository.js';
import { DeliveryWorker } from './delivery/delivery.worker.js';
import { DestinationsService } from './destinations/destinations.service.js';
import { LedgerRepository } from './ledger/ledger.repository.js';
import { LedgerService } from './ledger/ledger.service.js';
import { NotificationMetrics } from './notification-metrics.service.js';
import { NotificationEvents } from './notification.events.js';
import { DestinationRepository } from './routing/destination.repository.js';
import { SettingsService } from './routing/settings.service.js';
import { UpkeepService } from './upkeep.service.js';

/** What tests choose, and whoever has a key for it. */
export interface NotificationParts {
  readonly channels?: readonly Channel[];
  /** What the secret settings of destinations are sealed with; without it none with secrets can be added. */
  readonly key?: ServiceKey;
}

/** Who is told what, on which channel, and the ledger that shows that nobody was forgotten. */
export const notificationService = ({ channels = Object.values(ours), key }: NotificationParts = {}): Service =>
  defineService({
    name: 'notification',
    database: PrismaClient,
    controllers: [InboxController],
    consumers: [NotificationEvents],
    providers: [
      { provide: Channels, useValue: new Channels(channels) },
      { provide: SettingsService, useValue: new SettingsService(key && new Sealer(key)) },
      { provide: Bell, useFactory: () => new Bell() },
      DestinationsService,
      DestinationRepository,
      LedgerRepository,
      LedgerService,
      DeliveryRepository,
      DeliveryWorker,
      InboxRepository,
      InboxService,
      NotificationMetrics,
      UpkeepService,
    ],
  });

export const notification = notificationService();
