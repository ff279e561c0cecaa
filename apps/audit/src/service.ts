import { z } from 'zod';
import { PrismaClient } from '@dsops/database/audit';
import { defineService } from '@dsops/service';
import { HeadKeeper } from './log/head-keeper.service.js';
import { HEAD_FILE, HeadFile } from './log/kept-head.store.js';
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
  config: {
    /** Where the head of the log is kept, apart from the database; one process writes it. Without it a cut goes unseen. */
    DSOPS_AUDIT_HEAD_FILE: z.string().min(1).optional(),
  },
  providers: ({ own: { DSOPS_AUDIT_HEAD_FILE: path } }) => [
    { provide: HEAD_FILE, useValue: path === undefined ? null : new HeadFile(path) },
    LogRepository,
    LogService,
    HeadKeeper,
  ],
});
