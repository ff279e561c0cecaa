import { once } from 'node:events';
import { consumers } from '@dsops/contracts/consumers';
import { declarationOf } from '@dsops/contracts/service-names';
import { waitForDatabase } from '@dsops/database';
import { isDomainError, systemClock } from '@dsops/kernel';
import { DaprInboundModule, DaprTransport } from '@dsops/messaging';
import { createLogger, DaprInvoker, startMetricsServer, startTelemetry, type Logger } from '@dsops/platform';
import type { ServiceKey } from '@dsops/sealing';
import { DaprWakeUps, DaprWakeUpsModule } from '@dsops/scheduling';
import { readServiceConfig, serviceKeyConfig, type Environment, type ServiceConfig } from './config.js';
import type { Service, Surroundings } from './define-service.js';
import { hostService } from './host-service.js';

/**
 * Runs one service until SIGTERM or SIGINT, and then closes it: what was asked is answered, what was begun is finished.
 * Resolves with the exit code: 0 after a signal, 1 when it could not start, 2 when its environment is not in order.
 */
export async function runService(service: Service, environment: Environment): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
  let telemetry: ReturnType<typeof startTelemetry> | undefined;
  let logger = createLogger({ service: service.name, level: 'info' });
  try {
    const { seals } = declarationOf(service.name);
    const asked = { ...service.config, ...(seals && serviceKeyConfig(service.name)) };
    const config = await readServiceConfig(environment, asked, {
      onWaiting: (reason) => logger.warn({ reason }, 'the sidecar does not answer yet, and secrets come from it'),
      signal: stopping.signal,
    });
    logger = createLogger({ service: service.name, level: config.logLevel });
    telemetry = startTelemetry({ serviceName: service.name, ...config.telemetry });
    await waitForDatabase(service.name, config.database, {
      onWaiting: (reason) => logger.warn({ reason }, 'the database does not answer yet'),
      signal: stopping.signal,
    });
    const { DSOPS_SERVICE_KEY: key, ...own } = config.own as { DSOPS_SERVICE_KEY?: ServiceKey };
    const { surroundings, sidecar, wakeUps } = surroundingsOf(service, config, logger, key);
    const { host, port } = config;
    const running = await hostService(service, surroundings, { own, host, port, sidecar });
    await wakeUps.start();
    const { metricsPort } = config;
    const metrics =
      metricsPort === 0 ? undefined : await startMetricsServer([running.metrics], { host, port: metricsPort });
    logger.info({ url: running.url }, 'service started');
    if (!stopping.signal.aborted) await once(stopping.signal, 'abort');
    logger.info('service stopping');
    await running.close();
    await metrics?.close();
    await wakeUps.stop();
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

/** The distributed way of running: everything goes through the service's sidecar. */
function surroundingsOf({ name }: Service, config: ServiceConfig, logger: Logger, key: ServiceKey | undefined) {
  const { sidecar, topicPrefix, database, appToken: token } = config;
  const transport = new DaprTransport({ ...sidecar, topicPrefix, logger });
  // Before the sidecar finds the service: what arrives before each of its consumers listens has to come again.
  transport.keepFor(Object.values(consumers).filter(({ service }) => service === name));
  const wakeUps = new DaprWakeUps({ ...sidecar, logger });
  const invoker = new DaprInvoker({ ...sidecar, logger });
  const surroundings: Surroundings = {
    database,
    transport,
    invoker,
    wakeUps,
    clock: systemClock,
    logger,
    token,
    ...(key && { key }),
  };
  return {
    surroundings,
    wakeUps,
    sidecar: [DaprInboundModule.forTransport(transport), DaprWakeUpsModule.for(wakeUps)],
  };
}
