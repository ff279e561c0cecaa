import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '../tools/ensure-tools.js';
import { freePorts } from './ports.js';
import { answers, startServer, type LifeOptions, type RunningServer } from './server-process.js';

export interface SentryServer extends RunningServer {
  /** `127.0.0.1:…` */
  readonly address: string;
  /** The root certificate that everybody trusts, PEM. */
  readonly trustAnchorsFile: string;
}

export interface SentryOptions extends LifeOptions {
  readonly tools: Pick<Tools, 'dapr'>;
  /** The key of the certificate authority lies here; it is made the first time. */
  readonly dataDir: string;
  /** A Dapr Configuration, whose `spec.mtls` says how long certificates are valid; a day unless given. */
  readonly configPath?: string;
  readonly port?: number;
}

/** Starts Dapr's certificate authority, which gives each sidecar the certificate that mTLS between them asks for. */
export async function startSentry(options: SentryOptions): Promise<SentryServer> {
  const { tools, dataDir } = options;
  const [spare, healthPort, metricsPort] = await freePorts(3);
  const port = options.port ?? spare!;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const configPath = options.configPath ?? (await writeConfig(dataDir));
  const trustAnchorsFile = join(dataDir, 'ca.crt');
  const server = await startServer({
    ...options,
    name: 'Dapr sentry',
    command: tools.dapr.sentry,
    args: [
      ...['--listen-address', '127.0.0.1', '--port', String(port)],
      ...['--healthz-listen-address', '127.0.0.1', '--healthz-port', String(healthPort)],
      ...['--metrics-listen-address', '127.0.0.1', '--metrics-port', String(metricsPort)],
      ...['--issuer-credentials', dataDir, '--trust-domain', 'localhost', '--config', configPath, '--log-as-json'],
    ],
    isReady: async () => (await answers(`http://127.0.0.1:${healthPort}/healthz`)) && existsSync(trustAnchorsFile),
  });
  return { ...server, address: `127.0.0.1:${port}`, trustAnchorsFile };
}

/** Sentry does not start without a configuration. */
async function writeConfig(folder: string): Promise<string> {
  const file = join(folder, 'sentry.yaml');
  await writeFile(
    file,
    `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: { name: sentry }
spec: { mtls: { enabled: true, workloadCertTTL: 24h, allowedClockSkew: 15m } }
`,
  );
  return file;
}
