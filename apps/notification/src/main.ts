import { runService } from '@dsops/service';
import { NotificationModule } from './notification.module.js';

process.exitCode = await runService({
  name: 'notification',
  environment: process.env,
  start: ({ config, adapters, host }) => host(NotificationModule.register({ ...adapters, database: config.database })),
});
