import {
  Inject,
  Module,
  type DynamicModule,
  type INestApplicationContext,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/gateway';
import { systemClock } from '@dsops/kernel';
import { MessagingModule, transportDependency } from '@dsops/messaging';
import { HealthModule, INVOKER } from '@dsops/platform';
import { AdminKeyService, type AdminKeyOutcome } from './access/admin-key.service.js';
import { ApiKeyRepository } from './access/api-key.repository.js';
import { ApiKeyService } from './access/api-key.service.js';
import { AuthenticationService } from './access/authentication.service.js';
import { DeadLetterService } from './dead-letter/dead-letter.service.js';
import { FeedHub } from './feed/feed-hub.service.js';
import { FeedPruning } from './feed/feed-pruning.service.js';
import { FeedTail } from './feed/feed-tail.service.js';
import { FeedEvents } from './feed/feed.events.js';
import { FeedController } from './feed/feed.http.js';
import { FeedRepository } from './feed/feed.repository.js';
import {
  CLOCK,
  DATABASE,
  DEFAULT_TUNING,
  INTERNAL_TOKEN,
  LOGGER,
  TUNING,
  VERSION,
  type GatewayOptions,
} from './gateway.options.js';
import { InternalRoutesGuard } from './internal-routes.guard.js';
import { AccessRecordRepository } from './request/access-record.repository.js';
import { AccessRecordService } from './request/access-record.service.js';
import { ApiRequestService } from './request/api-request.service.js';
import { ApiController } from './request/api.http.js';
import { CreationLimitService } from './request/creation-limit.service.js';
import { ForwardService } from './forward/forward.service.js';
import { OwnOperations } from './request/own-operations.service.js';
import { ReadinessService } from './system/readiness.service.js';
import { SystemController } from './system/system.http.js';
import { SystemService } from './system/system.service.js';

/** The one door to the outside: who may do what, the API of every service, and what happens, live. */
@Module({})
export class GatewayModule implements OnApplicationShutdown {
  constructor(
    @Inject(DATABASE) private readonly database: PrismaClient,
    private readonly authentication: AuthenticationService,
    private readonly record: AccessRecordService,
  ) {}

  static register(options: GatewayOptions): DynamicModule {
    const { invoker, logger, internalToken } = options;
    const clock = options.clock ?? systemClock;
    const database = connect(PrismaClient, 'gateway', options.database);
    return {
      module: GatewayModule,
      imports: [
        MessagingModule.forService({ ...options, service: 'gateway', database, clock }),
        HealthModule.of(
          [
            { name: 'database', check: () => database.$queryRawUnsafe('select 1') },
            ...transportDependency(options.transport),
          ],
          options.logger,
        ),
      ],
      // In the order in which they are asked: the API takes every path that the others leave.
      controllers: [SystemController, FeedController, ApiController],
      providers: [
        { provide: DATABASE, useValue: database },
        { provide: CLOCK, useValue: clock },
        { provide: LOGGER, useValue: logger },
        { provide: TUNING, useValue: { ...DEFAULT_TUNING, ...options.tuning } },
        { provide: VERSION, useValue: options.version },
        { provide: INTERNAL_TOKEN, useValue: internalToken },
        { provide: INVOKER, useValue: invoker },
        { provide: APP_GUARD, useClass: InternalRoutesGuard },
        AccessRecordRepository,
        AccessRecordService,
        AdminKeyService,
        ApiKeyRepository,
        ApiKeyService,
        ApiRequestService,
        AuthenticationService,
        CreationLimitService,
        DeadLetterService,
        FeedEvents,
        FeedHub,
        FeedPruning,
        FeedRepository,
        FeedTail,
        ForwardService,
        OwnOperations,
        ReadinessService,
        SystemService,
      ],
    };
  }

  /** The last to go: everything that uses the database has stopped. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.authentication.settle(), this.record.settle()]);
    await this.database.$disconnect();
  }
}

/**
 * Sees to it that the file at this path holds an admin key of this installation, readable by its owner only. A key that
 * was lost is replaced and revoked; a file that holds no key of this database is set aside, never overwritten.
 * For one process of the gateway only: two with a file each would replace each other's.
 */
export const ensureAdminKey = (app: INestApplicationContext, path: string): Promise<AdminKeyOutcome> =>
  app.get(AdminKeyService, { strict: false }).ensure(path);
