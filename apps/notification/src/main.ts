import { runService } from '@dsops/distributed';
import { unwrapSecret } from '@dsops/kernel';
import { startServiceApp } from '@dsops/platform';
import { NotificationModule } from './notification.module.js';

process.exitCode = await runService({
  name: 'notification',
  environment: process.env,
  start: ({ config, adapters, withSidecar, listen }) =>
    startServiceApp(withSidecar(NotificationModule.register({ ...adapters, database: config.database })), {
      ...listen,
      token: unwrapSecret(config.appToken),
    }),
});
