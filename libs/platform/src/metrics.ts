import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { DomainError } from '@dsops/kernel';

/** Upper bounds in seconds of what a request or a query takes. */
const SHORT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * The series of one service, https://prometheus.io/docs/practices/naming/. Labels have few values: a route, a type, a
 * consumer; never an id. Every service app has one, and its module can inject it.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly requests: Counter<'method' | 'route' | 'status'>;
  readonly requestSeconds: Histogram<'method' | 'route' | 'status'>;

  constructor(readonly service: string) {
    this.registry.setDefaultLabels({ service });
    const registers = [this.registry];
    const labelNames = ['method', 'route', 'status'] as const;
    this.requests = new Counter({ name: 'http_requests_total', help: 'Requests answered', labelNames, registers });
    this.requestSeconds = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time to the last byte of an answer',
      labelNames,
      buckets: SHORT_BUCKETS,
      registers,
    });
  }

  counter<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  histogram<L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly L[] = [],
  ): Histogram<L> {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.registry] });
  }

  /** A value that is read when somebody scrapes. What `read` throws leaves the series empty. */
  gauge<L extends string>(name: string, help: string, labelNames: readonly L[], read: Reading<L>): void {
    const gauge: Gauge<L> = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect: (): Promise<void> =>
        collected(gauge, labelNames.length > 0, read, (labels, value) => gauge.set(labels, value)),
    });
  }

  /** A sum that somebody else keeps, read when somebody scrapes. */
  kept<L extends string>(name: string, help: string, labelNames: readonly L[], read: Reading<L>): void {
    const counter: Counter<L> = new Counter({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect: (): Promise<void> =>
        collected(counter, labelNames.length > 0, read, (labels, value) => counter.inc(labels, value)),
    });
  }
}

type Reading<L extends string> = () => Promise<
  readonly { readonly labels: Record<L, string>; readonly value: number }[]
>;

/** An error of one series must not take the others away. */
async function collected<L extends string>(
  series: { reset(): void; remove(): void },
  hasLabels: boolean,
  read: Reading<L>,
  put: (labels: Record<L, string>, value: number) => void,
): Promise<void> {
  series.reset();
  if (!hasLabels) series.remove(); // it would be 0 now, which is a value too
  for (const { labels, value } of await read().catch(() => [])) put(labels, value);
}

/** Makes the metrics of a service app injectable everywhere in it. */
@Module({})
export class MetricsModule {
  static for(metrics: Metrics, app: Type | DynamicModule): DynamicModule {
    return {
      module: MetricsModule,
      global: true,
      imports: [app],
      providers: [{ provide: Metrics, useValue: metrics }],
      exports: [Metrics],
    };
  }
}

export interface MetricsServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * `GET /metrics` on a port of its own, so that what the public reaches shows none of it. Text format 0.0.4.
 * @throws DomainError `port_in_use`
 */
export async function startMetricsServer(
  services: readonly Metrics[],
  { host, port }: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess });
  const registries = [ofProcess, ...services.map(({ registry }) => registry)];
  // Services of one process have series of the same names, apart by their label; each name may stand there once.
  const read = async () =>
    AggregatorRegistry.aggregate(await Promise.all(registries.map((one) => one.getMetricsAsJSON()))).metrics();
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics')
      return void response.writeHead(404).end('Only GET /metrics is here.\n');
    read().then(
      (text) => response.writeHead(200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.listen(port, host);
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    throw new DomainError('port_in_use', 'conflict', `The port ${port} for metrics cannot be had (${error.code}).`, {
      remedy: 'Choose another one with DSOPS_METRICS_PORT; 0 switches metrics off.',
    });
  });
  const { address, port: chosen } = server.address() as AddressInfo;
  return {
    url: `http://${address}:${chosen}/metrics`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
