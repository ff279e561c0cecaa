import { Module } from '@nestjs/common';
import { unwrapSecret } from '@dsops/kernel';
import { DaprInboundModule, DaprTransport, INBOUND_EVENTS } from '@dsops/messaging';
import { HealthModule, startServiceApp, type Logger, type ServiceApp } from '@dsops/platform';
import { freePort, startDaprd, type DaprdServer } from '@dsops/stack';
import type { KafkaWorld } from './kafka-world.js';
import { API_TOKEN, APP_TOKEN, type SidecarFiles } from './sidecar-files.js';

export interface SidecarApp {
  readonly transport: DaprTransport;
  readonly daprd: DaprdServer;
  /** The sidecar dies, and comes back on the same port; the app stays. */
  restartSidecar(meanwhile: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
  kill(): Promise<void>;
}

/**
 * What one process of a service is to Dapr: an app with the route for events, and its sidecar. It is healthy, and gets
 * events, as soon as a consumer listens; without one it only publishes.
 */
export async function startSidecarApp(
  world: Pick<KafkaWorld, 'tools' | 'logFile'>,
  environment: SidecarFiles,
  { appId, logger, name, env }: { appId: string; logger: Logger; name: string; env?: Readonly<Record<string, string>> },
): Promise<SidecarApp> {
  const httpPort = await freePort();
  const sidecarUrl = `http://127.0.0.1:${httpPort}`;
  const transport = new DaprTransport({
    sidecarUrl,
    apiToken: API_TOKEN,
    topicPrefix: environment.topicPrefix,
    logger,
  });
  const app = await startApp(transport, logger);
  const startSidecar = () =>
    startDaprd({
      tools: world.tools,
      appId,
      appPort: Number(new URL(app.url).port),
      appHealthPath: '/health/ready',
      httpPort,
      apiToken: API_TOKEN,
      appToken: APP_TOKEN,
      resourcesPath: environment.resourcesPath,
      configPath: environment.configPathOf(appId),
      logFile: world.logFile(`${environment.topicPrefix}${name}`),
      logLevel: 'info',
      ...(env && { env }),
    });
  let daprd = await startSidecar().catch(async (error: unknown) => {
    await app.close();
    throw error;
  });
  let isOver = false;
  const end = async (how: 'stop' | 'kill') => {
    if (isOver) return;
    isOver = true;
    if (how === 'kill') app.app.getHttpServer().closeAllConnections();
    await daprd[how]();
    await app.close();
  };
  return {
    transport,
    get daprd() {
      return daprd;
    },
    restartSidecar: async (meanwhile) => {
      await daprd.kill();
      await meanwhile();
      daprd = await startSidecar();
    },
    close: () => end('stop'),
    kill: () => end('kill'),
  };
}

function startApp(transport: DaprTransport, logger: Logger): Promise<ServiceApp> {
  const check = () => (transport.isListening ? Promise.resolve() : Promise.reject(new Error('nobody listens yet')));
  @Module({
    imports: [DaprInboundModule.forTransport(transport), HealthModule.of([{ name: 'consumers', check }], logger)],
  })
  class SidecarAppModule {}
  return startServiceApp(SidecarAppModule, { logger, token: unwrapSecret(APP_TOKEN), rawBodies: [INBOUND_EVENTS] });
}
