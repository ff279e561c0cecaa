import { join } from 'node:path';
import type { PrismaClient } from '@dsops/database/rotation';
import type { Logger } from '@dsops/platform';
import type { WakeUps } from '@dsops/scheduling';
import type { WorkerOptions } from './run/rotation.worker.js';
import type { TargetDriver } from '@dsops/drivers/driver';

/** What the rotation service is made of. */
export interface RotationOptions {
  /** Logged in as `dsops_rotation`, migrated. Who made it disconnects it, after the service was closed. */
  readonly database: PrismaClient;
  /** Of the master key that its key is derived from. */
  readonly keyId: string;
  /** The high-water mark, beside the key file and never in a backup together with the database: see {@link keyPaths}. */
  readonly markPath: string;
  /** The mark belongs to its folder: a copy of the folder starts in mode `restored`. */
  readonly isMarkBound?: boolean;
  /** In place of the drivers of production, each for its kind. */
  readonly drivers: readonly TargetDriver[];
  readonly logger: Logger;
  /** How the engine's worker runs here; what is not said has a default. */
  readonly worker?: Partial<WorkerOptions>;
  /** Wakes the worker when a rotation has waited long enough; without it the worker finds out by looking. Who made it starts it. */
  readonly wakeUps?: WakeUps;
}

/** Where key and mark lie below an installation's folder: apart from the data, in a folder of their own. */
export const keyPaths = (folder: string): { readonly keyFile: string; readonly markFile: string } => ({
  keyFile: join(folder, 'keys', 'sealing.key'),
  markFile: join(folder, 'keys', 'mark.json'),
});
