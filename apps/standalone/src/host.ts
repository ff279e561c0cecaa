import { randomBytes } from 'node:crypto';
import { variablesOf, type InstallationFile } from '@dsops/contracts/service-declaration';
import { declarationOf, type ServiceName } from '@dsops/contracts/service-names';
import type { DatabaseOptions, SchemaName } from '@dsops/database';
import { DomainError, Secret, systemClock } from '@dsops/kernel';
import { EmbeddedTransport } from '@dsops/messaging';
import { createLogger, HttpInvoker, type Dependency, type Metrics, type ServiceApp } from '@dsops/platform';
import type { ServiceKey } from '@dsops/sealing';
import { GraphileWakeUps } from '@dsops/scheduling';
import { hostService, ownConfigOf, type Service } from '@dsops/service';
import * as services from './generated/services.js';

export interface HostOptions {
  readonly databaseOf: (schema: SchemaName) => DatabaseOptions;
  /** Where the installation's files lie. */
  readonly files: Readonly<Record<InstallationFile, string>>;
  /** What a service seals with: handed to that service alone. */
  readonly keyOf: (service: ServiceName) => ServiceKey;
  /** Of the public API. */
  readonly port: number;
  /** Takes the services' log, line by line. */
  readonly log: { write(line: string): void };
  /** What this program stands on beside the database: the gateway is not ready without it. */
  readonly dependencies?: readonly Dependency[];
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
  const { databaseOf, log } = options;
  const token = randomBytes(32).toString('base64url');
  const urls = new Map<ServiceName, string>();
  const invoker = new HttpInvoker((service) => urlOf(urls, service), token);
  const loggerOf = (service: string) => createLogger({ service, destination: log });

  const transport = new EmbeddedTransport({ ...databaseOf('delivery'), logger: loggerOf('delivery') });
  const schedulingLog = loggerOf('scheduling');
  const wakeUps = new GraphileWakeUps({
    ...databaseOf('scheduling'),
    poolSize: 4,
    onError: (error) => schedulingLog.warn({ error }, 'wake-ups failed for a moment'),
  });
  const running: ServiceApp[] = [];
  const close = async () => {
    // What started last closes first: nothing new comes in while the others finish what they have.
    for (const service of running.reverse()) await service.close();
    await wakeUps.stop();
    await transport.close();
  };
  const start = async (service: Service, port?: number): Promise<ServiceApp> => {
    const declaration = declarationOf(service.name);
    const surroundings = {
      database: databaseOf(service.name),
      transport,
      invoker,
      wakeUps,
      clock: systemClock,
      logger: loggerOf(service.name),
      token: new Secret(token),
      isAlone: true,
      ...(declaration.door === 'public' && { dependencies: options.dependencies ?? [] }),
      ...(declaration.seals && { key: options.keyOf(service.name) }),
    };
    const own = ownConfigOf(service, variablesOf(declaration, options.files));
    const app = await hostService(service, surroundings, { own, ...(port !== undefined && { port }) });
    running.push(app);
    urls.set(service.name, app.url);
    return app;
  };

  try {
    for (const service of behind('internal')) await start(service);
    await wakeUps.start();
    let url = '';
    for (const service of behind('public')) url = (await start(service, options.port)).url;
    return { url, metrics: running.map(({ metrics }) => metrics), close };
  } catch (error) {
    await close();
    throw error;
  }
}

const behind = (door: 'internal' | 'public'): Service[] =>
  Object.values<Service>(services).filter(({ name }) => declarationOf(name).door === door);

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
