import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '../tools/ensure-tools.js';
import { freePorts } from './ports.js';
import type { SentryServer } from './sentry.js';
import { answers, startServer, type LifeOptions, type RunningServer } from './server-process.js';

export interface SchedulerServer extends RunningServer {
  /** What daprd is told, `127.0.0.1:…`. */
  readonly address: string;
}

export interface SchedulerOptions extends LifeOptions {
  readonly tools: Pick<Tools, 'scheduler'>;
  /** Jobs lie here, in an etcd of its own. */
  readonly dataDir: string;
  readonly port?: number;
  /** With it, only daprds with a certificate of this sentry are let in. */
  readonly sentry?: SentryServer;
}

/** Starts Dapr's scheduler with the etcd inside it, all of it on 127.0.0.1. */
export async function startScheduler(options: SchedulerOptions): Promise<SchedulerServer> {
  const { tools, dataDir, sentry } = options;
  const [spare, healthPort, metricsPort, etcdClientPort, etcdPeerPort] = await freePorts(5);
  const port = options.port ?? spare!;
  const address = `127.0.0.1:${port}`;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const server = await startServer({
    ...options,
    name: 'Dapr scheduler',
    command: tools.scheduler.scheduler,
    args: [
      ...['--listen-address', '127.0.0.1', '--port', String(port), '--override-broadcast-host-port', address],
      ...['--healthz-listen-address', '127.0.0.1', '--healthz-port', String(healthPort)],
      ...['--metrics-listen-address', '127.0.0.1', '--metrics-port', String(metricsPort)],
      ...['--etcd-data-dir', join(dataDir, 'etcd'), '--etcd-client-listen-address', '127.0.0.1'],
      ...['--etcd-client-port', String(etcdClientPort)],
      ...['--etcd-initial-cluster', `dapr-scheduler-server-0=http://127.0.0.1:${etcdPeerPort}`],
      ...['--identity-directory-write', join(dataDir, 'identity'), '--log-as-json'],
      ...(sentry === undefined
        ? []
        : ['--tls-enabled', '--sentry-address', sentry.address, '--trust-anchors-file', sentry.trustAnchorsFile]),
    ],
    isReady: () => answers(`http://127.0.0.1:${healthPort}/healthz`),
  });
  return { ...server, address };
}
