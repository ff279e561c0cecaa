import { runService } from '@dsops/service';
import { AuditModule } from './audit.module.js';

process.exitCode = await runService({
  name: 'audit',
  environment: process.env,
  start: ({ config, adapters, host }) => host(AuditModule.register({ ...adapters, database: config.database })),
});
