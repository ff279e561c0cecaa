import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FakeBroker } from './fake-broker.js';
import { FakeDelivery, type FakeSubscriptions } from './fake-delivery.js';
import { denied, invoke, type FakeApp } from './fake-invoke.js';
import type { FakeScheduler } from './fake-jobs.js';
import { bulkPublish, fault, type FakeAnswer, type FakeEntry } from './fake-publish.js';
import { getSecret, type FakeSecretStore } from './fake-secrets.js';

export interface FakeDaprdOptions {
  readonly appId: string;
  readonly broker: FakeBroker;
  readonly apiToken: string;
  /** Of Dapr; the one that was read unless said. */
  readonly version?: string;
  readonly allowedTopics?: readonly string[];
  readonly scheduler?: FakeScheduler;
  /** Where invocations go, by app id. */
  readonly apps?: Readonly<Record<string, FakeApp>>;
  /** App ids that the access control of the other side refuses us. */
  readonly deniedApps?: readonly string[];
  /** By name; none unless given. */
  readonly secretStores?: Readonly<Record<string, FakeSecretStore>>;
  /** Free unless said. */
  readonly port?: number;
}

/** A request as the fake got it. */
export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;

/**
 * A sidecar without Go or Kafka: daprd's HTTP API as strict as the real one is, as far as dsops uses it. What it refuses
 * and how was read in dapr/dapr 1.18.1; that the real one does the same is what `pnpm test:stack` shows.
 */
export class FakeDaprd {
  readonly requests: FakeRequest[] = [];
  /** Why the broker refuses an entry; undefined when it takes it. */
  refuses: (entry: FakeEntry) => string | undefined = () => undefined;
  /** Answers the next requests instead of the fake: `silence` takes a request and never answers. */
  readonly planned: (FakeAnswer | 'silence')[] = [];
  private delivery: FakeDelivery | undefined;
  private detach: (() => void) | undefined;

  private constructor(
    private readonly options: FakeDaprdOptions,
    private readonly server: Server,
  ) {}

  static async start(options: FakeDaprdOptions): Promise<FakeDaprd> {
    const server = createServer((request, response) => {
      daprd.take(request, response).catch(() => response.destroy());
    });
    const daprd = new FakeDaprd(options, server);
    server.listen(options.port ?? 0, '127.0.0.1');
    await once(server, 'listening');
    return daprd;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get dropped() {
    return this.delivery?.dropped ?? [];
  }

  /** The app is there: jobs and events go to it from now on. */
  serve(app: Omit<FakeSubscriptions, 'appId'>): void {
    const { appId, broker, scheduler } = this.options;
    this.delivery = new FakeDelivery(broker, { ...app, appId });
    this.detach = scheduler?.attach(appId, async (name, data) => {
      const headers = { 'content-type': 'application/json', 'dapr-api-token': app.appToken };
      return (await fetch(`${app.appUrl}/job/${name}`, { method: 'POST', headers, body: JSON.stringify(data) })).status;
    });
  }

  async stop(): Promise<void> {
    this.detach?.();
    await this.delivery?.stop();
    await this.close();
  }

  /** Ends in the middle of whatever it does. */
  async kill(): Promise<void> {
    this.detach?.();
    const killing = this.delivery?.kill();
    await this.close();
    await killing;
  }

  private async close(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const path = request.url ?? '/';
    this.requests.push({ method: request.method ?? '', path, headers: request.headers, body: body.toString() });
    const planned = this.planned.shift();
    if (planned === 'silence') return;
    const answer = planned ?? (await this.answer(request, path, body));
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(answer.text ?? (answer.body === undefined ? '' : JSON.stringify(answer.body)));
  }

  private async answer({ headers, method = '' }: IncomingMessage, path: string, body: Buffer): Promise<FakeAnswer> {
    // Health asks nobody for a token.
    if (method === 'GET' && path === '/v1.0/healthz/outbound') return { status: 204 };
    if (headers['dapr-api-token'] !== this.options.apiToken) return { status: 401, text: 'invalid api token\n' };
    if (body.length > MAX_BODY_BYTES) return fault(400, 'ERR_PUBSUB_EVENTS_SER', 'stream too large');
    const url = new URL(path, this.url);
    if (method === 'GET' && url.pathname === '/v1.0/metadata')
      return { status: 200, body: { id: this.options.appId, runtimeVersion: this.options.version ?? '1.18.1' } };
    if (method === 'POST' && url.pathname.startsWith('/v1.0/publish/bulk/')) {
      const rules = { pubsub: 'pubsub', allowedTopics: this.options.allowedTopics, refuses: this.refuses };
      return bulkPublish(this.options.broker, rules, url, body.toString());
    }
    if (url.pathname.startsWith('/v1.0/jobs/') && this.options.scheduler !== undefined)
      return this.options.scheduler.answer(
        this.options.appId,
        method,
        decodeURIComponent(url.pathname.slice(11)),
        body.toString(),
      );
    if (method === 'GET' && url.pathname.startsWith('/v1.0/secrets/'))
      return getSecret(this.options.secretStores ?? {}, url.pathname);
    const [, appId, rest] = /^\/v1\.0\/invoke\/([^/]+)\/method(\/.*)$/.exec(url.pathname) ?? [];
    if (appId !== undefined && rest !== undefined) {
      if (this.options.deniedApps?.includes(appId)) return denied(appId);
      const call = { appId, method, path: rest, query: url.search, headers, body: body.toString() };
      return invoke(this.options.apps?.[appId], call);
    }
    return fault(404, 'ERR_NOT_FOUND', 'method not found');
  }
}
