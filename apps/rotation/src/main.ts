import { z } from 'zod';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { runService } from '@dsops/service';
import { RotationModule } from './rotation.module.js';
import { PostgresqlDriver } from '@dsops/drivers/postgresql/postgresql.driver';
import { openKeyFile } from '@dsops/sealing';

process.exitCode = await runService({
  name: 'rotation',
  environment: process.env,
  own: {
    /** The key that seals every value. It is never made here: a new key could open nothing. */
    DSOPS_KEY_FILE: z.string().min(1),
    /** The high-water mark, beside the key and in no backup of the database. */
    DSOPS_MARK_FILE: z.string().min(1),
  },
  start: async ({ config, adapters, wakeUps, host }) => {
    const key = await openKeyFile({ path: config.own.DSOPS_KEY_FILE, database: 'existing' });
    const database = connect(PrismaClient, 'rotation', config.database);
    const rotation = RotationModule.register({
      ...adapters,
      wakeUps,
      database,
      key,
      markPath: config.own.DSOPS_MARK_FILE,
      drivers: [new PostgresqlDriver()],
    });
    const app = await host(rotation);
    return {
      ...app,
      close: async () => {
        await app.close();
        await database.$disconnect();
      },
    };
  },
});
