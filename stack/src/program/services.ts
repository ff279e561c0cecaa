import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { variablesOf } from '@dsops/contracts/service-declaration';
import { declarationOf, SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import { DomainError, formatDuration, unwrapSecret } from '@dsops/kernel';
import { databaseRole, serviceToken, sidecarToken } from '@dsops/sealing';
import { startDaprd, type DaprdServer } from '../servers/daprd.js';
import { startServer } from '../servers/server-process.js';
import { DATABASE, installationFiles } from '@dsops/standalone';
import type { Backbone } from './backbone.js';
import { writeDaprFiles, type DaprFiles } from './dapr-files.js';
import { healthOf } from './health.js';
import type { StackContext } from './stack-context.js';

const READY_TIMEOUT_MS = 90_000;

const apps = join(dirname(createRequire(import.meta.url).resolve('@dsops/stack/package.json')), '..', 'apps');

const isPublic = (service: ServiceName) => declarationOf(service).door === 'public';

/** Starts every service with its sidecar, side by side. @returns the URL of the API */
export async function startServices(context: StackContext, backbone: Backbone, wantedPort: number): Promise<string> {
  const files = writeDaprFiles(context.home.dapr, {
    brokers: backbone.kafka.brokers,
    zipkinUrl: backbone.zipkin.spansUrl,
  });
  const port = wantedPort === 0 ? await context.ports.take('gateway') : wantedPort;
  const stops: (() => Promise<unknown>)[] = [];
  context.onStop(() => Promise.all(stops.map((stop) => stop())));
  const starting = SERVICES.map((service) =>
    startService(context, backbone, files, service, isPublic(service) ? port : undefined, (stop) => stops.push(stop)),
  );
  // All of them come to an end before one that failed is told, so that what was started is known.
  const results = await Promise.allSettled(starting);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const sidecars = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  await untilReady(context, sidecars, `http://127.0.0.1:${port}`);
  return `http://127.0.0.1:${port}`;
}

/** The service first: its sidecar delivers from the moment on that it finds it. They stop the other way round. */
async function startService(
  context: StackContext,
  backbone: Backbone,
  files: DaprFiles,
  service: ServiceName,
  wantedPort: number | undefined,
  onStop: (stop: () => Promise<unknown>) => void,
): Promise<DaprdServer> {
  const { board, ports, home } = context;
  const { key, postgres, tools, sentry, scheduler, zipkin } = backbone;
  const port = wantedPort ?? (await ports.take(service));
  const sidecarPort = await ports.take(`${service}-daprd`);
  const apiToken = key.password(sidecarToken(service));
  const appToken = key.password(serviceToken(service));
  const program = join(apps, service, 'dist', 'main.js');
  const url = `http://127.0.0.1:${port}`;
  const undo: (() => Promise<unknown>)[] = [];
  onStop(async () => {
    while (undo.length > 0) await undo.pop()?.();
  });

  await board.start(context.part(service, service), async () => {
    const server = await startServer({
      name: service,
      command: process.execPath,
      args: [program],
      env: {
        DSOPS_HOST: '127.0.0.1',
        DSOPS_PORT: String(port),
        DSOPS_DATABASE_HOST: '127.0.0.1',
        DSOPS_DATABASE_PORT: String(postgres.port),
        DSOPS_DATABASE_NAME: DATABASE,
        DSOPS_DATABASE_PASSWORD: unwrapSecret(key.password(databaseRole(service))),
        DSOPS_LOG_LEVEL: 'info',
        DAPR_HTTP_PORT: String(sidecarPort),
        DAPR_API_TOKEN: unwrapSecret(apiToken),
        APP_API_TOKEN: unwrapSecret(appToken),
        DSOPS_TOPIC_PREFIX: '',
        DSOPS_ZIPKIN_URL: zipkin.spansUrl,
        ...variablesOf(declarationOf(service), installationFiles(home)),
        ...(declarationOf(service).seals && { DSOPS_SERVICE_KEY: unwrapSecret(key.serviceKey(service).write()) }),
      },
      isReady: () => isLive(url),
      ...context.life(service),
    });
    undo.push(() => server.stop());
    return [{ ...context.facts(server, program), address: url }, undefined];
  });
  return board.start(context.part(`${service}-daprd`, `daprd of ${service}`), async () => {
    const sidecar = await startDaprd({
      tools,
      appId: service,
      appPort: port,
      httpPort: sidecarPort,
      resourcesPath: files.resources,
      configPath: files.configOf(service),
      sentry,
      ...(scheduler === null ? {} : { schedulerAddress: scheduler.address }),
      apiToken,
      appToken,
      appHealthPath: '/health/live',
      ...context.life(`${service}-daprd`),
    });
    undo.push(() => sidecar.stop());
    return [{ ...context.facts(sidecar, files.resources), address: sidecar.httpUrl }, sidecar];
  });
}

async function isLive(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** Up is what answers through the whole stack: the gateway asks each service through the sidecars. */
async function untilReady(context: StackContext, sidecars: readonly DaprdServer[], url: string): Promise<void> {
  await context.board.step('health', async () => {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      context.signal.throwIfAborted();
      const overview = await healthOf(url);
      const waiting = await Promise.all(
        sidecars.map(async (sidecar) => ((await sidecar.ready()) ? [] : [sidecar.name])),
      );
      if (overview.isOk && waiting.flat().length === 0) return ['every service answers through its sidecar', undefined];
      if (performance.now() > deadline) throw notReady(overview.text, waiting.flat());
      await pause(200);
    }
  });
}

const notReady = (overview: string, sidecars: readonly string[]) =>
  new DomainError(
    'stack_not_ready',
    'unavailable',
    `Not everything was ready after ${formatDuration(READY_TIMEOUT_MS)}${sidecars.length > 0 ? ` (${sidecars.join(', ')})` : ''}.`,
    { remedy: 'The logs say more: pnpm stack logs', lastLines: [overview] },
  );
