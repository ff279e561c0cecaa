import { fork } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderDapr } from '@dsops/contracts-generate';
import { Secret } from '@dsops/kernel';
import { createLogger, DaprInvoker, HttpInvoker, type Invoker } from '@dsops/platform';
import { ensureTools, startDaprd, startSentry } from '@dsops/stack';
import type { Bench } from '../bench.js';
import { newToken } from '../service-client.js';

/** The audit service's place, taken by a service with one page, and the two ways to it. */
export interface Ways {
  readonly direct: Invoker;
  /** From the sidecar of the gateway to the one of the audit service, over mTLS, under the access control of `dapr/`. */
  readonly throughDapr: Invoker;
}

export async function startWays(bench: Bench, folder: string): Promise<Ways> {
  const tools = await ensureTools(['dapr'], { onProgress: ({ step }) => bench.progress(step) });
  const appToken = newToken();
  const url = await startService(bench, appToken);
  bench.progress('sidecars');
  for (const [path, text] of renderDapr({ kafka: { brokers: '' }, topicPrefix: '', hosting: { kind: 'processes' } })) {
    if (/pubsub|subscription/.test(path)) continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const sentry = await startSentry({ tools, dataDir: join(folder, 'sentry'), logFile: join(folder, 'sentry.log') });
  bench.onEnd(() => sentry.stop());
  const apiToken = new Secret(newToken());
  const sidecar = async (appId: string, appPort?: number) => {
    const daprd = await startDaprd({
      tools,
      appId,
      ...(appPort === undefined ? {} : { appPort }),
      apiToken,
      appToken: new Secret(appToken),
      sentry,
      resourcesPath: join(folder, 'resources'),
      configPath: join(folder, 'config', `${appId}.yaml`),
      logFile: join(folder, `${appId}.log`),
      logLevel: 'warn',
    });
    bench.onEnd(() => daprd.stop());
    return daprd;
  };
  await sidecar('audit', Number(new URL(url).port));
  const { httpUrl } = await sidecar('gateway');
  return {
    direct: new HttpInvoker(() => url, appToken),
    throughDapr: new DaprInvoker({ sidecarUrl: httpUrl, apiToken, logger: createLogger({ service: 'gateway' }) }),
  };
}

/** @returns its URL */
async function startService(bench: Bench, token: string): Promise<string> {
  const service = fork(fileURLToPath(new URL('service.main.js', import.meta.url)), { env: { APP_API_TOKEN: token } });
  bench.onEnd(() => service.connected && service.disconnect());
  return new Promise((done, failed) => {
    service.once('message', (url) => done(url as string));
    service.once('exit', (code) => failed(new Error(`The service ended with ${code} before it was up.`)));
  });
}
