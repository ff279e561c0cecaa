import { Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/audit';
import { MessagingModule, transportDependency } from '@dsops/messaging';
import { HealthModule } from '@dsops/platform';
import { DATABASE, type AuditOptions } from './audit.options.js';
import { LogController } from './log/log.http.js';
import { LogEvents } from './log/log.events.js';
import { LogRepository } from './log/log.repository.js';
import { LogService } from './log/log.service.js';

/** The audit service: every event of the product in one chained log that only grows. */
@Module({})
export class AuditModule implements OnApplicationShutdown {
  constructor(@Inject(DATABASE) private readonly database: PrismaClient) {}

  static register(options: AuditOptions): DynamicModule {
    const database = connect(PrismaClient, 'audit', options.database);
    return {
      module: AuditModule,
      imports: [
        MessagingModule.forService({ ...options, service: 'audit', database }),
        HealthModule.of(
          [
            { name: 'database', check: () => database.$queryRawUnsafe('select 1') },
            ...transportDependency(options.transport),
          ],
          options.logger,
        ),
      ],
      controllers: [LogController],
      providers: [{ provide: DATABASE, useValue: database }, LogRepository, LogService, LogEvents],
    };
  }

  /** The consumer has stopped by now: it does so before the application shuts down. */
  async onApplicationShutdown(): Promise<void> {
    await this.database.$disconnect();
  }
}
