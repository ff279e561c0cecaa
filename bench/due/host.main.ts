import { consumers } from '@dsops/contracts/consumers';
import { Secret } from '@dsops/kernel';
import { EmbeddedTransport } from '@dsops/messaging';
import { createLogger } from '@dsops/platform';
import { PostgresqlDriver } from '@dsops/drivers/postgresql/postgresql.driver';
import { hostRotation, makeRotationHome } from '../rotation-host.js';
import type { FromHost, HostRequest, ToHost } from './protocol.js';

/** The rotation service in a process of its own, so that its memory is its own. */

const say = (message: FromHost): void => void process.send?.(message);
let close: () => Promise<unknown> = async () => undefined;

async function host({ database, folder, concurrency }: HostRequest): Promise<void> {
  const options = { ...database, password: new Secret(database.password) };
  const transport = new EmbeddedTransport({ ...options, logger: createLogger({ service: 'delivery', level: 'warn' }) });
  await transport.keepFor(Object.values(consumers));
  const home = await makeRotationHome(folder, options, concurrency);
  const hosted = await hostRotation(home, { concurrency, drivers: [new PostgresqlDriver()], transport });
  close = async () => {
    await hosted.close();
    await transport.close();
    await home.database.$disconnect();
  };
  say({ is: 'hosting', url: hosted.client.url, token: hosted.token });
}

process.on('message', (message: ToHost) => {
  if ('host' in message)
    host(message.host).catch((error: unknown) =>
      say({ is: 'broken', message: error instanceof Error ? (error.stack ?? error.message) : 'unknown' }),
    );
  else
    close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
});
// Ctrl-C reaches the whole group: the bench says when it is over.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
// Without the bench there is nobody to work for.
process.on('disconnect', () => process.exit(1));
say({ is: 'ready' });
