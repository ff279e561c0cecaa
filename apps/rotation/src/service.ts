import { z } from 'zod';
import { PrismaClient } from '@dsops/database/rotation';
import { openKeyFile } from '@dsops/sealing';
import { defineService } from '@dsops/service';
import type { RotationOptions } from './config.js';
import { rotationControllers, rotationProviders } from './rotation.providers.js';

/** The rotation service; with drivers and a worker of their own for those who watch it. */
export const rotationService = ({ drivers = [], worker }: Partial<Pick<RotationOptions, 'drivers' | 'worker'>> = {}) =>
  defineService({
    name: 'rotation',
    database: PrismaClient,
    config: {
      /** The key that seals every value. It is never made here: a new key could open nothing. */
      DSOPS_KEY_FILE: z.string().min(1),
      /** The high-water mark, beside the key and in no backup of the database. */
      DSOPS_MARK_FILE: z.string().min(1),
    },
    controllers: rotationControllers,
    providers: async ({ database, own, isAlone = false, wakeUps, logger }) =>
      rotationProviders({
        database,
        key: (await openKeyFile({ path: own.DSOPS_KEY_FILE, database: 'existing' })).serviceKey('rotation'),
        markPath: own.DSOPS_MARK_FILE,
        isMarkBound: isAlone,
        drivers,
        // Where there is no other worker, what the former one held is free.
        worker: { takesOver: isAlone, ...worker },
        ...(wakeUps && { wakeUps }),
        logger,
      }),
  });

export const rotation = rotationService();
