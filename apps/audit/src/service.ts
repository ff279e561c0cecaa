import { PrismaClient } from '@dsops/database/audit';
import { defineService } from '@dsops/service';
import { LogController } from './log/log.http.js';
import { LogEvents } from './log/log.events.js';
import { LogRepository } from './log/log.repository.js';
import { LogService } from './log/log.service.js';

/** Every event of the product in one chained log that only grows. */
export const audit = defineService({
  name: 'audit',
  database: PrismaClient,
  controllers: [LogController],
  consumers: [LogEvents],
  providers: [LogRepository, LogService],
});
