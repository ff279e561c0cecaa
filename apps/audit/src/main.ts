import { runService } from '@dsops/distributed';
import { unwrapSecret } from '@dsops/kernel';
import { startServiceApp } from '@dsops/platform';
import { AuditModule } from './audit.module.js';

process.exitCode = await runService({
  name: 'audit',
  environment: process.env,
  start: ({ config, adapters, withSidecar, listen }) =>
    startServiceApp(withSidecar(AuditModule.register({ ...adapters, database: config.database })), {
      ...listen,
      token: unwrapSecret(config.appToken),
    }),
});
