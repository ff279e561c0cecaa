import { APP_GUARD } from '@nestjs/core';
import { z } from 'zod';
import { operations } from '@dsops/contracts/api';
import type { Operation } from '@dsops/contracts/define-operation';
import { PrismaClient } from '@dsops/database/gateway';
import { defineService } from '@dsops/service';
import { AdminKeyService } from './access/admin-key.service.js';
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
import { DEFAULT_TUNING, OPERATIONS, TUNING, type GatewayTuning } from './gateway.options.js';
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
import { securityHeaders } from './security-headers.js';

/** The one door to the outside: who may do what, the API of every service, and what happens, live. */
export const gatewayService = (tuning: Partial<GatewayTuning> = {}, table: readonly Operation[] = operations) =>
  defineService({
    name: 'gateway',
    database: PrismaClient,
    config: {
      /** Where the first admin key is put. For one replica only; without it nobody gets a key by starting. */
      DSOPS_ADMIN_KEY_FILE: z.string().min(1).optional(),
    },
    // Its security headers stand on errors of the very first bytes, too.
    before: [securityHeaders],
    // In the order in which they are asked: the API takes every path that the others leave.
    controllers: [SystemController, FeedController, ApiController],
    consumers: [FeedEvents],
    providers: [
      { provide: TUNING, useValue: { ...DEFAULT_TUNING, ...tuning } },
      { provide: OPERATIONS, useValue: table },
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
      FeedHub,
      FeedPruning,
      FeedRepository,
      FeedTail,
      ForwardService,
      OwnOperations,
      ReadinessService,
      SystemService,
    ],
    started: async (app, { DSOPS_ADMIN_KEY_FILE: path }) =>
      path === undefined ? undefined : app.get(AdminKeyService, { strict: false }).ensure(path),
  });

export const gateway = gatewayService();
