import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Sidecar } from '@dsops/platform';
import { freePort } from '@dsops/stack';
import type { Bench } from '../bench.js';
import type { DrawKey } from './keys.js';
import { Arrivals, BATCH, rawEvent, type StackContender } from './stack-contender.js';
import type { StackServers } from './stack-servers.js';

/** Dapr as it is: bulk publish through one sidecar, and behind another a subscriber that only answers. */
export class RawDapr implements StackContender {
  readonly name = 'raw Dapr';
  private readonly arrivals = new Arrivals();

  private constructor(
    private readonly sidecar: Sidecar,
    private readonly path: string,
    private readonly draw: DrawKey,
  ) {}

  static async start(bench: Bench, servers: StackServers, draw: DrawKey): Promise<RawDapr> {
    const environment = await servers.environment('raw-');
    const [publisherPort, subscriberPort] = [await freePort(), await freePort()];
    const sidecar = new Sidecar({ sidecarUrl: `http://127.0.0.1:${publisherPort}`, apiToken: servers.apiToken });
    const path = `/v1.0/publish/bulk/pubsub/${environment.topicPrefix}rotation-events?metadata.rawPayload=true`;
    const contender = new RawDapr(sidecar, path, draw);
    const appPort = await contender.listen(bench);
    const appHealthPath = '/health';
    await environment.sidecar({ appId: 'rotation', appPort, appHealthPath, httpPort: publisherPort });
    await environment.sidecar({ appId: 'notification', appPort, appHealthPath, httpPort: subscriberPort });
    return contender;
  }

  async run(count: number): Promise<number> {
    const startedMs = performance.now();
    const arrived = this.arrivals.expect(count);
    for (let nth = 0; nth < count; nth += BATCH) {
      const entries = Array.from({ length: Math.min(BATCH, count - nth) }, (_, place) => {
        const partitionKey = this.draw(Math.random());
        const event = rawEvent(partitionKey, nth + place);
        return {
          entryId: String(place),
          event,
          contentType: 'application/cloudevents+json',
          metadata: { partitionKey },
        };
      });
      const headers = { 'content-type': 'application/json' };
      const { status, text } = await this.sidecar.ask({
        method: 'POST',
        path: this.path,
        headers,
        body: JSON.stringify(entries),
        timeoutMs: 60_000,
      });
      if (status !== 204) throw new Error(`daprd did not publish: ${status} ${text}`);
    }
    await arrived;
    return performance.now() - startedMs;
  }

  async problems(): Promise<readonly string[]> {
    return [];
  }

  private async listen(bench: Bench): Promise<number> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (request.method === 'GET') return void response.end();
        const { entries } = JSON.parse(Buffer.concat(chunks).toString()) as { entries: { entryId: string }[] };
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ statuses: entries.map(({ entryId }) => ({ entryId, status: 'SUCCESS' })) }));
        this.arrivals.add(entries.length);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    bench.onEnd(() => server.close().closeAllConnections());
    return (server.address() as AddressInfo).port;
  }
}
