import { once } from 'node:events';
import { Module, type DynamicModule } from '@nestjs/common';
import type { z } from 'zod';
import { consumers } from '@dsops/contracts/consumers';
import type { ServiceName } from '@dsops/contracts/service-names';
import { waitForDatabase } from '@dsops/database';
import { isDomainError, systemClock, unwrapSecret, type Clock } from '@dsops/kernel';
import { DaprInboundModule, DaprTransport, INBOUND_EVENTS, type Transport } from '@dsops/messaging';
import {
  createLogger,
  DaprInvoker,
  startMetricsServer,
  startServiceApp,
  startTelemetry,
  type Invoker,
  type Logger,
  type ServiceApp,
} from '@dsops/platform';
import { DaprWakeUps, DaprWakeUpsModule, type WakeUps } from '@dsops/scheduling';
import { readServiceConfig, type Environment, type ServiceConfig } from './config.js';

/** What a service gets when it runs as a process of its own, with a Dapr sidecar. */
export interface ServiceParts<Own> {
  readonly config: ServiceConfig & { readonly own: Own };
  /** The adapters that every service's options take. */
  readonly adapters: {
    readonly transport: Transport;
    readonly invoker: Invoker;
    readonly clock: Clock;
    readonly logger: Logger;
  };
  /** Started once the service has said who is woken. */
  readonly wakeUps: WakeUps;
  /** Hosts the service's module, for its sidecar alone. */
  host(module: DynamicModule): Promise<ServiceApp>;
  /** For a service with other callers as well: adds the routes that the sidecar calls to its module. */
  withSidecar(module: DynamicModule): DynamicModule;
  /** How the service listens: options of `startServiceApp`. */
  readonly listen: {
    readonly logger: Logger;
    readonly host: string;
    readonly port: number;
    readonly rawBodies: readonly (typeof INBOUND_EVENTS)[];
  };
}

export interface ServiceProcess<Own extends z.ZodRawShape> {
  readonly name: ServiceName;
  readonly environment: Environment;
  /** Variables of this service alone. */
  readonly own?: Own;
  start(parts: ServiceParts<z.output<z.ZodObject<Own>>>): Promise<RunningService>;
}

export type RunningService = Pick<ServiceApp, 'url' | 'metrics' | 'close'>;

/**
 * Runs one service until SIGTERM or SIGINT, and then closes it: what was asked is answered, what was begun is finished.
 * Resolves with the exit code: 0 after a signal, 1 when it could not start, 2 when its environment is not in order.
 */
export async function runService<Own extends z.ZodRawShape>(service: ServiceProcess<Own>): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
  let telemetry: ReturnType<typeof startTelemetry> | undefined;
  let logger = createLogger({ service: service.name, level: 'info' });
  try {
    const config = await readServiceConfig(service.environment, service.own ?? ({} as Own), {
      onWaiting: (reason) => logger.warn({ reason }, 'the sidecar does not answer yet, and secrets come from it'),
      signal: stopping.signal,
    });
    logger = createLogger({ service: service.name, level: config.logLevel });
    telemetry = startTelemetry({ serviceName: service.name, ...config.telemetry });
    await waitForDatabase(service.name, config.database, {
      onWaiting: (reason) => logger.warn({ reason }, 'the database does not answer yet'),
      signal: stopping.signal,
    });
    const parts = partsOf(service.name, config, logger);
    const running = await service.start(parts);
    await parts.wakeUps.start();
    const { metricsPort, host } = config;
    const metrics =
      metricsPort === 0 ? undefined : await startMetricsServer([running.metrics], { host, port: metricsPort });
    logger.info({ url: running.url }, 'service started');
    if (!stopping.signal.aborted) await once(stopping.signal, 'abort');
    logger.info('service stopping');
    await running.close();
    await metrics?.close();
    await parts.wakeUps.stop();
    logger.info('service stopped');
    return 0;
  } catch (error) {
    if (stopping.signal.aborted && (error as Error).name === 'AbortError') return 0;
    logger.fatal({ error }, 'service could not start');
    return isDomainError(error) && error.code === 'configuration_invalid' ? 2 : 1;
  } finally {
    await telemetry?.stop();
  }
}

function partsOf<Own>(
  name: ServiceName,
  config: ServiceConfig & { readonly own: Own },
  logger: Logger,
): ServiceParts<Own> {
  const { sidecar, topicPrefix, host, port } = config;
  const transport = new DaprTransport({ ...sidecar, topicPrefix, logger });
  // Before the sidecar finds the service: what arrives before each of its consumers listens has to come again.
  transport.keepFor(Object.values(consumers).filter(({ service }) => service === name));
  const wakeUps = new DaprWakeUps({ ...sidecar, logger });
  const routes = [DaprInboundModule.forTransport(transport), DaprWakeUpsModule.for(wakeUps)];
  const withSidecar = (module: DynamicModule) => ({ module: ServiceWithSidecar, imports: [module, ...routes] });
  const listen = { logger, host, port, rawBodies: [INBOUND_EVENTS] };
  return {
    config,
    wakeUps,
    host: (module) => startServiceApp(withSidecar(module), { ...listen, token: unwrapSecret(config.appToken) }),
    adapters: { transport, invoker: new DaprInvoker({ ...sidecar, logger }), clock: systemClock, logger },
    withSidecar,
    listen,
  };
}

/** A service with the routes of its sidecar: the root of a process. */
@Module({})
class ServiceWithSidecar {}
