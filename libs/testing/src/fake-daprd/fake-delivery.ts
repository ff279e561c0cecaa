import type { FakeBroker } from './fake-broker.js';
import type { FakeRecord } from './fake-broker.js';

export interface FakeSubscriptions {
  /** The consumer group. */
  readonly appId: string;
  readonly appUrl: string;
  /** Shown to the app, as APP_API_TOKEN makes daprd do. */
  readonly appToken: string;
  /** By topic: the route that its records are posted to. */
  readonly routes: ReadonlyMap<string, string>;
  /** Asked every {@link PROBE_MS}; records are delivered while it answers 200. */
  readonly healthPath: string;
  /** As `metadata.rawPayload` of the subscription. */
  readonly isRaw: boolean;
}

const MAX_MESSAGES = 200;
const RETRY_MS = 20;
const PROBE_MS = 20;

/**
 * The bulk subscriptions of a sidecar: posts records to the app and reads its answers as daprd 1.18.1 does
 * (pkg/runtime/subscription/postman/http/http.go): 404 and DROP lose the event, an answer for each entry decides about
 * it, anything else brings everything back.
 */
export class FakeDelivery {
  /** Records that the app's answers have thrown away. */
  readonly dropped: FakeRecord[] = [];
  private readonly running: Promise<void>;
  private readonly aborting = new AbortController();
  private isStopping = false;

  constructor(
    private readonly broker: FakeBroker,
    private readonly to: FakeSubscriptions,
  ) {
    this.running = this.loop();
  }

  /** Waits for the answer to what is under way. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await this.running;
  }

  /** Does not wait, and learns no answer any more. */
  async kill(): Promise<void> {
    this.aborting.abort();
    await this.stop();
  }

  private async loop(): Promise<void> {
    const { appId, routes } = this.to;
    while (!this.isStopping) {
      if (!(await this.isHealthy())) {
        this.broker.leave(appId, this);
        await pause(PROBE_MS);
        continue;
      }
      this.broker.join(appId, this);
      let hasDelivered = false;
      for (const batch of this.broker.batchesFor(appId, this, [...routes.keys()], MAX_MESSAGES)) {
        if (this.isStopping) break;
        hasDelivered = (await this.deliver(batch)) || hasDelivered;
      }
      if (!hasDelivered) await pause(RETRY_MS);
    }
    this.broker.leave(appId, this);
  }

  private async isHealthy(): Promise<boolean> {
    try {
      return (await this.ask(this.to.healthPath, { method: 'GET' })).status === 200;
    } catch {
      return false;
    }
  }

  /** @returns whether anything was done with */
  private async deliver(batch: readonly FakeRecord[]): Promise<boolean> {
    const entries = batch.map((record, nth) => this.entryOf(record, String(nth)));
    let answer: { status: number; text: string };
    try {
      const body = JSON.stringify({
        id: '',
        topic: batch[0]!.topic,
        pubsubname: 'pubsub',
        type: 'com.dapr.event.sent.bulk',
        entries,
        metadata: { pubsubName: 'pubsub' },
      });
      const headers = { 'content-type': 'application/json' };
      const response = await this.ask(this.to.routes.get(batch[0]!.topic)!, { method: 'POST', headers, body });
      answer = { status: response.status, text: await response.text() };
    } catch {
      return false; // like any answer that is not understood: everything comes again
    }
    const statusOf = statusesOf(answer);
    for (const [nth, record] of batch.entries()) {
      const status = statusOf(String(nth));
      if (status === 'DROP') this.dropped.push(record);
      else if (status !== 'SUCCESS') return nth > 0;
      this.broker.commit(this.to.appId, record);
    }
    return true;
  }

  private ask(path: string, request: RequestInit): Promise<Response> {
    return fetch(`${this.to.appUrl}${path}`, {
      ...request,
      headers: { ...(request.headers as Record<string, string>), 'dapr-api-token': this.to.appToken },
      signal: this.aborting.signal,
    });
  }

  private entryOf({ value, key, partition, offset, topic }: FakeRecord, entryId: string): object {
    const metadata = { __key: key, __partition: String(partition), __offset: String(offset), __topic: topic };
    return this.to.isRaw
      ? { entryId, event: value.toString('base64'), contentType: 'application/octet-stream', metadata }
      : {
          entryId,
          event: JSON.parse(value.toString()) as unknown,
          contentType: 'application/cloudevents+json',
          metadata,
        };
  }
}

function statusesOf({ status, text }: { status: number; text: string }): (entryId: string) => string | undefined {
  if (status === 404) return () => 'DROP';
  if (status < 200 || status > 299) return () => 'RETRY';
  try {
    const { statuses } = JSON.parse(text) as { statuses: { entryId: string; status: string }[] };
    const known = new Map(statuses.map((one) => [one.entryId, one.status]));
    return (entryId) => known.get(entryId);
  } catch {
    return () => 'RETRY';
  }
}

const pause = (delayMs: number): Promise<void> => new Promise((done) => setTimeout(done, delayMs));
