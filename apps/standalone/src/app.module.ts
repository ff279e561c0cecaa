import { randomBytes } from 'node:crypto';
import { AuditModule } from '@dsops/audit';
import { connect, type DatabaseOptions, type SchemaName } from '@dsops/database';
import { PrismaClient as RotationDatabase } from '@dsops/database/rotation';
import type { ServiceName } from '@dsops/contracts/service-names';
import { ensureAdminKey, startGateway } from '@dsops/gateway';
import { DomainError, Secret, systemClock } from '@dsops/kernel';
import { EmbeddedTransport } from '@dsops/messaging';
import { NotificationModule } from '@dsops/notification';
import { createLogger, HttpInvoker, startServiceApp, type Metrics, type ServiceApp } from '@dsops/platform';
import { RotationModule } from '@dsops/rotation';
import type { SealingKey } from '@dsops/sealing';
import { PostgresqlDriver } from '@dsops/drivers';
import { GraphileWakeUps } from '@dsops/scheduling';

export interface HostOptions {
  readonly databaseOf: (schema: SchemaName) => DatabaseOptions;
  readonly key: SealingKey;
  readonly markPath: string;
  readonly adminKeyPath: string;
  readonly port: number;
  readonly version: string;
  readonly logLevel: string;
}

export interface Host {
  /** The public API. */
  readonly url: string;
  /** Of each service. */
  readonly metrics: readonly Metrics[];
  close(): Promise<void>;
}

/**
 * The embedded way of running: every service in this process, each on a loopback port of its own that only the others
 * can use, events over the database. This is the one place that chooses adapters; the services do not know.
 */
export async function hostServices(options: HostOptions): Promise<Host> {
  const { databaseOf, logLevel } = options;
  const token = randomBytes(32).toString('base64url');
  const urls = new Map<ServiceName, string>();
  const invoker = new HttpInvoker((service) => urlOf(urls, service), token);
  const loggerOf = (service: string) => createLogger({ service, level: logLevel });

  const transport = new EmbeddedTransport({ ...databaseOf('delivery'), logger: loggerOf('delivery') });
  const schedulingLog = loggerOf('scheduling');
  const wakeUps = new GraphileWakeUps({
    ...databaseOf('scheduling'),
    poolSize: 4,
    onError: (error) => schedulingLog.warn({ error }, 'wake-ups failed for a moment'),
  });
  const rotationDatabase = connect(RotationDatabase, 'rotation', databaseOf('rotation'));
  const shared = { transport, invoker, clock: systemClock };
  const running: ServiceApp[] = [];

  const close = async () => {
    // The gateway first: nothing new comes in while the others finish what they have.
    for (const service of running.reverse()) await service.close();
    await wakeUps.stop();
    await transport.close();
    await rotationDatabase.$disconnect();
  };
  const start = async (service: ServiceName, starting: Promise<ServiceApp>) => {
    const app = await starting;
    running.push(app);
    urls.set(service, app.url);
    return app;
  };

  try {
    const internal = (service: ServiceName) => ({ logger: loggerOf(service), token });
    await start(
      'audit',
      startServiceApp(
        AuditModule.register({ ...shared, database: databaseOf('audit'), logger: loggerOf('audit') }),
        internal('audit'),
      ),
    );
    await start(
      'notification',
      startServiceApp(
        NotificationModule.register({
          ...shared,
          database: databaseOf('notification'),
          logger: loggerOf('notification'),
        }),
        internal('notification'),
      ),
    );
    const rotation = RotationModule.register({
      ...shared,
      database: rotationDatabase,
      key: options.key,
      markPath: options.markPath,
      isMarkBound: true,
      drivers: [new PostgresqlDriver()],
      // The folder's lock sees to it that there is no other worker: what the former one held is free.
      worker: { takesOver: true },
      wakeUps,
      logger: loggerOf('rotation'),
    });
    await start('rotation', startServiceApp(rotation, internal('rotation')));
    await wakeUps.start();
    const gateway = await start(
      'gateway',
      startGateway({
        ...shared,
        database: databaseOf('gateway'),
        logger: loggerOf('gateway'),
        version: options.version,
        internalToken: new Secret(token),
        port: options.port,
      }),
    );
    await ensureAdminKey(gateway.app, options.adminKeyPath);
    return { url: gateway.url, metrics: running.map(({ metrics }) => metrics), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function urlOf(urls: ReadonlyMap<ServiceName, string>, service: ServiceName): string {
  const url = urls.get(service);
  if (url === undefined)
    throw new DomainError('service_unavailable', 'unavailable', `The ${service} service has not started yet.`);
  return url;
}

/** Each service has its own role and password; connections are few, as all live in one process. */
export const databasesOf =
  (server: { port: number; database: string; passwordOf: (schema: SchemaName) => Secret }) =>
  (schema: SchemaName): DatabaseOptions => ({
    host: '127.0.0.1',
    port: server.port,
    database: server.database,
    password: server.passwordOf(schema),
  });
