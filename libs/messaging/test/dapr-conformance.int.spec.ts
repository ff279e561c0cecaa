import { describe, it } from '@jest/globals';
import { Secret } from '@dsops/kernel';
import { FakeBroker, FakeDaprd } from '@dsops/testing';
import type { ConformanceHarness, OpenTransport } from '../src/conformance/world.js';
import { transportConformance } from '../src/conformance/transport-conformance.js';
import { DaprTransport } from '../src/index.js';
import { startInboundApp } from './dapr-app.js';
import { openHarness } from './harness.js';

const API_TOKEN = 'api-token-of-the-spec';
const APP_TOKEN = 'app-token-of-the-spec';

/** The whole suite over HTTP and Nest, with a sidecar that needs neither Go nor Kafka. */
async function openDaprHarness(): Promise<ConformanceHarness> {
  const harness = await openHarness();
  const broker = new FakeBroker();
  const openTransport = async (): Promise<OpenTransport> => {
    const daprd = await FakeDaprd.start({ appId: 'listener', broker, apiToken: API_TOKEN });
    const transport = new DaprTransport({
      sidecarUrl: daprd.url,
      apiToken: new Secret(API_TOKEN),
      logger: harness.logger,
    });
    const app = await startInboundApp(transport, APP_TOKEN, harness.logger);
    const routes = new Map([['rotation-events', '/events/rotation-events']]);
    daprd.serve({ appUrl: app.url, appToken: APP_TOKEN, routes, healthPath: '/health/ready', isRaw: true });
    const end = async (how: 'stop' | 'kill') => {
      if (how === 'kill') app.app.getHttpServer().closeAllConnections();
      await daprd[how]();
      await app.close();
    };
    return { transport, close: () => end('stop'), kill: () => end('kill') };
  };
  return { ...harness, openTransport };
}

describe('the Dapr transport with a strict fake of daprd', () => {
  for (const { name, run } of transportConformance) it(name, () => run(openDaprHarness), 60_000);
});
