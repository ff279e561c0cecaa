import { join } from 'node:path';
import { homePaths, type HomePaths } from '@dsops/kernel/home';

/** Where the things of one stack lie. Keys and data have the same places as those of an embedded installation. */
export interface StackHome extends HomePaths {
  /** What runs: see state-file.ts. */
  readonly stateFile: string;
  readonly portsFile: string;
  readonly logs: string;
  /** The sidecars' files, written anew at each start. */
  readonly dapr: string;
  readonly kafka: string;
  readonly sentry: string;
  readonly scheduler: string;
}

export function stackHome(folder: string): StackHome {
  return {
    ...homePaths({ platform: process.platform, env: { DSOPS_HOME: folder }, userFolder: folder }),
    stateFile: join(folder, 'stack.json'),
    portsFile: join(folder, 'ports.json'),
    logs: join(folder, 'logs'),
    dapr: join(folder, 'dapr'),
    kafka: join(folder, 'kafka'),
    sentry: join(folder, 'sentry'),
    scheduler: join(folder, 'scheduler'),
  };
}
