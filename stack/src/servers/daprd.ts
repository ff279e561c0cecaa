import { readFile } from 'node:fs/promises';
import { unwrapSecret, type Secret } from '@dsops/kernel';
import type { Tools } from '../tools/ensure-tools.js';
import { freePorts } from './ports.js';
import type { SentryServer } from './sentry.js';
import type { ServerLog } from './server-log.js';
import { answers, startServer, type LifeOptions, type RunningServer } from './server-process.js';

export interface DaprdServer extends RunningServer {
  readonly appId: string;
  /** Its API, `http://127.0.0.1:…`. */
  readonly httpUrl: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly metricsUrl: string;
  /** What clients of the API show in the header dapr-api-token. */
  readonly apiToken: Secret;
  /** True when it and its application are up: components are made, subscriptions are read. */
  ready(): Promise<boolean>;
}

export interface DaprdOptions extends LifeOptions {
  readonly tools: Pick<Tools, 'dapr'>;
  readonly appId: string;
  /** Absent: nobody to deliver to, only to publish and to call for. */
  readonly appPort?: number;
  /** Folder of components, subscriptions and resiliency. */
  readonly resourcesPath: string;
  /** Files with a Configuration: tracing, access control, name resolution. Of several, later ones add and override. */
  readonly configPath?: string | readonly string[];
  readonly httpPort?: number;
  readonly grpcPort?: number;
  readonly internalGrpcPort?: number;
  readonly metricsPort?: number;
  readonly schedulerAddress?: string;
  /** With it, mTLS between sidecars, and with the scheduler, is on. */
  readonly sentry?: SentryServer;
  /** Needed by whoever uses its API. */
  readonly apiToken: Secret;
  /** What it shows to the application. */
  readonly appToken: Secret;
  /** Asked every second or so; while it fails, nothing is delivered. Absent: the application counts as healthy. */
  readonly appHealthPath?: string;
  /** Seconds; 1 unless said. */
  readonly appHealthProbeInterval?: number;
  /** How long what is in delivery may take when it is asked to end. Seconds, 20 unless said. */
  readonly gracefulShutdown?: number;
  readonly maxConcurrency?: number;
  /** At least warnings: they say that it is about to end, see {@link isUp}. */
  readonly logLevel?: 'debug' | 'info' | 'warn';
  /** Beside the tokens: what components read from the environment, such as a password of Kafka. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts a sidecar on 127.0.0.1 and waits until its own API answers. It then waits for its application by itself:
 * {@link DaprdServer.ready} says when both are there. Components are made before: a Kafka that cannot be reached ends it.
 * @throws DomainError `port_taken`, `server_start_failed`, `server_not_ready`, …
 */
export async function startDaprd(options: DaprdOptions): Promise<DaprdServer> {
  const { tools, appId, appPort, sentry, apiToken, appHealthPath } = options;
  const spare = await freePorts(5);
  const httpPort = options.httpPort ?? spare[0]!;
  const grpcPort = options.grpcPort ?? spare[1]!;
  const metricsPort = options.metricsPort ?? spare[3]!;
  const httpUrl = `http://127.0.0.1:${httpPort}`;
  const server = await startServer({
    ...options,
    name: `daprd of ${appId}`,
    command: tools.dapr.daprd,
    args: [
      ...['--app-id', appId, '--app-protocol', 'http', '--app-channel-address', '127.0.0.1'],
      ...(appPort === undefined ? [] : ['--app-port', String(appPort)]),
      ...[
        '--dapr-listen-addresses',
        '127.0.0.1',
        '--dapr-http-port',
        String(httpPort),
        '--dapr-grpc-port',
        String(grpcPort),
      ],
      ...['--dapr-internal-grpc-listen-address', '127.0.0.1'],
      ...['--dapr-internal-grpc-port', String(options.internalGrpcPort ?? spare[2])],
      ...['--metrics-listen-address', '127.0.0.1', '--metrics-port', String(metricsPort)],
      ...['--profile-port', String(spare[4]), '--resources-path', options.resourcesPath],
      ...[options.configPath ?? []].flat().flatMap((path) => ['--config', path]),
      ...(options.schedulerAddress === undefined ? [] : ['--scheduler-host-address', options.schedulerAddress]),
      ...(sentry === undefined ? [] : ['--enable-mtls', '--sentry-address', sentry.address]),
      ...(appHealthPath === undefined ? [] : healthArgs(appHealthPath, options.appHealthProbeInterval ?? 1)),
      ...(options.maxConcurrency === undefined ? [] : ['--app-max-concurrency', String(options.maxConcurrency)]),
      ...['--dapr-graceful-shutdown-seconds', String(options.gracefulShutdown ?? 20)],
      ...['--log-level', options.logLevel ?? 'info', '--log-as-json'],
    ],
    env: {
      ...options.env,
      // Where other sidecars find it; it would take the address of an interface otherwise, where nobody listens.
      DAPR_HOST_IP: '127.0.0.1',
      DAPR_API_TOKEN: unwrapSecret(apiToken),
      APP_API_TOKEN: unwrapSecret(options.appToken),
      ...(sentry === undefined ? {} : { DAPR_TRUST_ANCHORS: await readFile(sentry.trustAnchorsFile, 'utf8') }),
    },
    isReady: (log) => isUp(httpUrl, log),
  });
  return {
    ...server,
    appId,
    httpUrl,
    httpPort,
    grpcPort,
    metricsUrl: `http://127.0.0.1:${metricsPort}`,
    apiToken,
    ready: () => answers(`${httpUrl}/v1.0/healthz`),
  };
}

/**
 * Its API answers, and it is not about to end. When a component cannot be made, the rest of its start goes on beside its
 * end, and for some milliseconds it calls itself healthy (processComponents and initRuntime of dapr/dapr 1.18). It says so
 * in its log before, so the log is read after the answer.
 */
async function isUp(httpUrl: string, log: ServerLog): Promise<boolean> {
  return (await answers(`${httpUrl}/v1.0/healthz/outbound`)) && !log.tail().includes('daprd will exit gracefully');
}

const healthArgs = (path: string, intervalSeconds: number): string[] => [
  ...['--enable-app-health-check', '--app-health-check-path', path],
  ...['--app-health-probe-interval', String(intervalSeconds), '--app-health-probe-timeout', '500'],
  ...['--app-health-threshold', '2'],
];
