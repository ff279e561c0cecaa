import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { All, Controller, Module, Req } from '@nestjs/common';
import type { ServiceName } from '@dsops/contracts/service-names';
import { unwrapSecret } from '@dsops/kernel';
import {
  createLogger,
  DaprInvoker,
  inContext,
  startServiceApp,
  traceIdOf,
  type Invoker,
  type ServiceApp,
} from '@dsops/platform';
import { ensureTools, startDaprd, startSentry, type DaprdServer, type SentryServer } from '@dsops/stack';
import { eventually } from '@dsops/testing';
import { API_TOKEN, APP_TOKEN, writeSidecarFiles } from './sidecar-files.js';

interface Asked {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

@Controller()
class MirrorController {
  @All('*path')
  mirror(@Req() { url, headers, body }: Asked) {
    return { url, headers, body };
  }
}

@Module({ controllers: [MirrorController] })
class MirrorModule {}

const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

/** Two sidecars and a service that answers what it was asked, under the access control that `dapr/` is generated with. */
describe('invocation through daprd', () => {
  let folder: string;
  let app: ServiceApp;
  let sentry: SentryServer;
  const sidecars: DaprdServer[] = [];
  const invokers = new Map<ServiceName, Invoker>();
  /** What callers log. */
  const lines: string[] = [];

  beforeAll(async () => {
    const tools = await ensureTools(['dapr']);
    folder = await mkdtemp(join(tmpdir(), 'dsops-stack-'));
    const logFile = (name: string) => join(folder, `${name}.log`);
    sentry = await startSentry({ tools, dataDir: join(folder, 'sentry'), logFile: logFile('sentry') });
    app = await startServiceApp(MirrorModule, {
      logger: createLogger({ service: 'audit', level: 'silent' }),
      token: unwrapSecret(APP_TOKEN),
    });
    const { resourcesPath, configPathOf } = await writeSidecarFiles(folder, {});
    for (const appId of ['audit', 'gateway', 'notification'] as const) {
      const daprd = await startDaprd({
        tools,
        appId,
        ...(appId === 'audit' ? { appPort: Number(new URL(app.url).port) } : {}),
        apiToken: API_TOKEN,
        appToken: APP_TOKEN,
        sentry,
        resourcesPath,
        configPath: configPathOf(appId),
        logFile: logFile(appId),
      });
      sidecars.push(daprd);
      const logger = createLogger({ service: appId, destination: { write: (line) => void lines.push(line) } });
      invokers.set(appId, new DaprInvoker({ sidecarUrl: daprd.httpUrl, apiToken: API_TOKEN, logger }));
    }
    // Until both sides have their certificates and the name is resolved.
    await eventually(() => ask('gateway', '/audit'), 30_000);
  }, 900_000);

  afterAll(async () => {
    for (const daprd of sidecars) await daprd.stop();
    await app?.close();
    await sentry?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const ask = async (caller: ServiceName, path: string, body?: unknown): Promise<Asked> => {
    const { status, body: answer } = await invokers
      .get(caller)!
      .invoke('audit', { method: body === undefined ? 'GET' : 'POST', path, body });
    expect(status).toBeLessThan(300);
    return answer as Asked;
  };

  it('brings body, query, trace and request id, and shows our token to nobody', async () => {
    const asked = await inContext({ traceparent: TRACEPARENT, requestId: 'request-1' }, () =>
      ask('gateway', '/audit/credential?q=1%262&empty=', { text: 'ü 🗝️' }),
    );
    expect(asked).toMatchObject({ url: '/audit/credential?q=1%262&empty=', body: { text: 'ü 🗝️' } });
    expect(traceIdOf(asked.headers['traceparent']!)).toBe(traceIdOf(TRACEPARENT));
    expect(asked.headers).toMatchObject({ 'dsops-request-id': 'request-1', 'dapr-api-token': unwrapSecret(APP_TOKEN) });
  });

  it.each(['a b', 'ü🗝️', 'a%b', 'a+b', "it's", 'a?b', 'a#b', 'a;b', 'a:b', 'a&b=c', 'a/b', '%2F'])(
    'finds a path with %j in it',
    async (name) => {
      const path = `/audit/credential/${encodeURIComponent(name)}`;
      const { url } = await ask('gateway', path);
      expect(decodeURIComponent(url)).toBe(decodeURIComponent(path));
    },
  );

  it('refuses whom the table does not name, and what it does not name, and it is logged', async () => {
    const refused = { code: 'service_unavailable', message: expect.stringContaining('access control') };
    lines.splice(0);
    await expect(ask('notification', '/audit/credential')).rejects.toMatchObject(refused);
    await expect(ask('gateway', '/internal/anything')).rejects.toMatchObject(refused);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({
        level: 'warn',
        service: 'notification',
        appId: 'audit',
        path: '/audit/credential',
        status: 403,
      }),
      expect.objectContaining({
        level: 'warn',
        service: 'gateway',
        appId: 'audit',
        path: '/internal/anything',
        status: 403,
      }),
    ]);
  });

  it('counts refusals at the sidecar that refused, whoever the caller is', async () => {
    await expect(ask('notification', '/audit/credential')).rejects.toThrow();
    await expect(ask('gateway', '/internal/anything')).rejects.toThrow();
    const audit = sidecars.find(({ appId }) => appId === 'audit')!;
    await eventually(async () => {
      const metrics = await (await fetch(`${audit.metricsUrl}/metrics`)).text();
      // A caller without a policy falls under the default; one with a policy, under what that does not list.
      expect(metrics).toMatch(/^dapr_runtime_acl_global_policy_action_blocked_total\{app_id="notification".*\} [1-9]/m);
      expect(metrics).toMatch(/^dapr_runtime_acl_app_policy_action_blocked_total\{app_id="gateway".*\} [1-9]/m);
    }, 20_000);
  });

  it('says who does not answer', async () => {
    const invoker = invokers.get('gateway')!;
    await expect(invoker.invoke('rotation', { method: 'GET', path: '/credentials' })).rejects.toMatchObject({
      code: 'service_unavailable',
      message: expect.stringMatching(/^The rotation service does not answer\..*ERR_DIRECT_INVOKE/),
    });
  });
});
