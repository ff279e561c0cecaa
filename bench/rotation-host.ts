import { mkdirSync } from 'node:fs';
import type { ApiClient } from '@dsops/api-client';
import { connect, type DatabaseOptions } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { Secret, systemClock } from '@dsops/kernel';
import type { Transport } from '@dsops/messaging';
import { createLogger, HttpInvoker, startServiceApp } from '@dsops/platform';
import { keyPaths, rotationService, type RotationOptions } from '@dsops/rotation';
import { openKeyFile, type ServiceKey } from '@dsops/sealing';
import { ServiceModule } from '@dsops/service';
import { newToken, serviceClient } from './service-client.js';

/** What one installation has for its life, whatever hosts it. */
export interface RotationHome {
  readonly folder: string;
  readonly key: ServiceKey;
  /** Its connections stay, as they do in a process that runs for days. */
  readonly database: PrismaClient;
}

/** Connections to our database: as many as rotations run, and some for requests, relay and mark. */
const SPARE_CONNECTIONS = 6;

export async function makeRotationHome(
  folder: string,
  options: DatabaseOptions,
  concurrency: number,
): Promise<RotationHome> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const master = await openKeyFile({ path: keyPaths(folder).keyFile, database: 'new' });
  const database = connect(PrismaClient, 'rotation', { ...options, poolSize: concurrency + SPARE_CONNECTIONS });
  return { folder, key: master.serviceKey('rotation'), database };
}

export interface RotationHost {
  readonly client: ApiClient;
  /** What callers must show. */
  readonly token: string;
  close(): Promise<void>;
}

export interface HostSettings {
  /** Rotations at the same time; 0 takes requests and rotates nothing. */
  readonly concurrency: number;
  readonly drivers: RotationOptions['drivers'];
  readonly transport: Transport;
}

/** The rotation service as the product hosts it. */
export async function hostRotation(
  { folder, key, database }: RotationHome,
  settings: HostSettings,
): Promise<RotationHost> {
  const logger = createLogger({ service: 'rotation', level: 'warn' });
  const token = newToken();
  const { concurrency, drivers, transport } = settings;
  const { markFile } = keyPaths(folder);
  const service = await startServiceApp(
    await ServiceModule.of(rotationService({ drivers, worker: { concurrency, takesOver: true } }), {
      database,
      transport,
      // It asks no other service.
      invoker: new HttpInvoker(() => 'http://127.0.0.1:1', token),
      clock: systemClock,
      logger,
      token: new Secret(token),
      key,
      own: { DSOPS_MARK_FILE: markFile },
    }),
    { logger, token },
  );
  return { client: serviceClient(service.url, token), token, close: () => service.close() };
}
