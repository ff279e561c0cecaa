import { z } from 'zod';
import { runService } from '@dsops/service';
import { ensureAdminKey } from './gateway.module.js';
import { startGateway } from './start-gateway.service.js';
import { VERSION } from './version.js';

process.exitCode = await runService({
  name: 'gateway',
  environment: process.env,
  own: {
    /** Where the first admin key is put. For one replica only; without it nobody gets a key by starting. */
    DSOPS_ADMIN_KEY_FILE: z.string().min(1).optional(),
  },
  start: async ({ config, adapters, withSidecar, listen }) => {
    const gateway = await startGateway({
      ...adapters,
      ...listen,
      database: config.database,
      version: VERSION,
      internalToken: config.appToken,
      around: withSidecar,
    });
    const { DSOPS_ADMIN_KEY_FILE: adminKeyFile } = config.own;
    if (adminKeyFile !== undefined) await ensureAdminKey(gateway.app, adminKeyFile);
    return gateway;
  },
});
