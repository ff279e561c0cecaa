import { z } from 'zod';
import { PrismaClient } from '@dsops/database/rotation';
import { defineService } from '@dsops/service';
import type { RotationOptions } from './config.js';
import { rotationControllers, rotationProviders } from './rotation.providers.js';

/** The rotation service; with drivers and a worker of their own for those who watch it. */
export const rotationService = ({ drivers = [], worker }: Partial<Pick<RotationOptions, 'drivers' | 'worker'>> = {}) =>
  defineService({
    name: 'rotation',
    database: PrismaClient,
    config: {
      /** The high-water mark: apart from the data, and in no backup of the database. */
      DSOPS_MARK_FILE: z.string().min(1),
    },
    controllers: rotationControllers,
    providers: ({ database, own, key, isAlone = false, wakeUps, logger }) =>
      rotationProviders({
        database,
        keyId: key!.id,
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
