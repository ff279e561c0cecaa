import { Module, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { declarationOf } from '@dsops/contracts/service-names';
import { DomainError } from '@dsops/kernel';
import { EventsController } from './completeness/events.http.js';
import { DeadLettersController } from './dead-letters/dead-letters.http.js';
import { MESSAGING_OPTIONS, MessagingRuntime } from './messaging-runtime.service.js';
import type { MessagingOptions } from './messaging.options.js';
import { PrismaUnitOfWork, UNIT_OF_WORK } from './outbox/unit-of-work.service.js';

/**
 * Events for one service: UNIT_OF_WORK to say them, classes with `@EventConsumer` to hear them, the relay behind the
 * one, cursors and sweep behind the other, and the internal routes that other services ask. Import it once, at the root
 * of the service's app; it is global there.
 */
@Module({})
export class MessagingModule {
  static forService(options: MessagingOptions): DynamicModule {
    if (declarationOf(options.service).door === 'public' && options.internalToken === undefined)
      throw new DomainError(
        'internal_token_missing',
        'internal',
        `The ${options.service} would show its internal routes to everybody.`,
        { remedy: 'Give MessagingModule.forService an internalToken: the one that the other services ask for.' },
      );
    return {
      module: MessagingModule,
      global: true,
      imports: [DiscoveryModule],
      controllers: [EventsController, DeadLettersController],
      providers: [
        { provide: MESSAGING_OPTIONS, useValue: options },
        MessagingRuntime,
        {
          provide: PrismaUnitOfWork,
          useFactory: (runtime: MessagingRuntime) => runtime.unitOfWork,
          inject: [MessagingRuntime],
        },
        { provide: UNIT_OF_WORK, useExisting: PrismaUnitOfWork },
      ],
      exports: [UNIT_OF_WORK, PrismaUnitOfWork, MessagingRuntime],
    };
  }
}
