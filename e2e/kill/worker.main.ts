import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { Secret, systemClock } from '@dsops/kernel';
import { DaprTransport, type Transport } from '@dsops/messaging';
import { createLogger, HttpInvoker, startServiceApp, type ServiceApp } from '@dsops/platform';
import { keyPaths, rotationService } from '@dsops/rotation';
import { openKeyFile } from '@dsops/sealing';
import { ServiceModule } from '@dsops/service';
import { makeDriver } from '@dsops/drivers';
import { Points } from './points.js';
import type { FromWorker, SidecarHome, ToWorker } from './protocol.js';
import { SilentTransport } from './silent-transport.js';
import { Tap } from './tap.js';
import { TappedDriver } from './tapped-driver.js';
import { TOKEN } from './request.js';
import { JournalWatch } from './watched-database.js';

/** A process that hosts the rotation service as the product does: on one cell's database after the other. */

const say = (message: FromWorker): void => void process.send?.(message);
const logger = createLogger({ service: 'rotation', level: 'info' });
const limits = { connectTimeoutMs: 5_000, answerTimeoutMs: 5_000 };

const transportFor = (sidecar: SidecarHome | null): Transport =>
  sidecar === null
    ? new SilentTransport()
    : new DaprTransport({
        sidecarUrl: sidecar.url,
        apiToken: new Secret(sidecar.apiToken),
        topicPrefix: sidecar.topicPrefix,
        logger,
      });

interface Hosted {
  readonly service: ServiceApp;
  readonly points: Points;
  close(): Promise<void>;
}

async function host({ home, stopAt, isOnly }: Extract<ToWorker, { do: 'host' }>): Promise<Hosted> {
  const { password, ...address } = home.database;
  const client = connect(PrismaClient, 'rotation', { ...address, password: new Secret(password), poolSize: 6 });
  const { keyFile, markFile } = keyPaths(home.folder);
  const tap = new Tap(home.tapFile);
  const points = new Points(new Set(stopAt), (is, point) => say({ is, point }));
  const journal = new JournalWatch(points);
  const driver = new TappedDriver(makeDriver(home.kind, limits), tap, points, () => journal.effectNow);
  const service = await startServiceApp(
    await ServiceModule.of(rotationService({ drivers: [driver], worker: { takesOver: isOnly, lookEveryMs: 400 } }), {
      database: journal.around(client),
      transport: transportFor(home.sidecar),
      invoker: new HttpInvoker(() => 'http://nowhere.invalid', 'none'),
      clock: systemClock,
      logger,
      token: new Secret(TOKEN),
      key: (await openKeyFile({ path: keyFile, database: 'existing' })).serviceKey('rotation'),
      own: { DSOPS_MARK_FILE: markFile },
    }),
    { logger, token: TOKEN },
  );
  return {
    service,
    points,
    close: async () => {
      await service.close();
      await client.$disconnect();
      tap.close();
    },
  };
}

let hosted: Hosted | null = null;

async function obey(message: ToWorker): Promise<void> {
  switch (message.do) {
    case 'host':
      hosted = await host(message);
      return say({ is: 'hosting', url: hosted.service.url });
    case 'go':
      return hosted?.points.go(message.at, message.toNext);
    case 'leave':
      await hosted?.close();
      hosted = null;
      return say({ is: 'left' });
  }
}

process.on('message', (message: ToWorker) => {
  obey(message).catch((error: unknown) =>
    say({ is: 'broken', message: error instanceof Error ? (error.stack ?? error.message) : 'unknown' }),
  );
});
// Without the harness there is nobody to work for.
process.on('disconnect', () => process.exit(1));
say({ is: 'warm' });
