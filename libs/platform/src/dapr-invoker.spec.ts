import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Headers, Module, Param, Post, Query } from '@nestjs/common';
import { DomainError, Secret } from '@dsops/kernel';
import { FakeBroker, FakeDaprd } from '@dsops/testing';
import { inContext } from './context.js';
import { DaprInvoker } from './dapr-invoker.js';
import { HttpInvoker, type Invoker } from './invoker.js';
import { createLogger } from './logging.js';
import { startServiceApp, type ServiceApp } from './service-app.js';

const API_TOKEN = 'api-token-of-the-spec';
const APP_TOKEN = 'app-token-of-the-spec';
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

@Controller()
class EchoController {
  @Post('echo')
  echo(@Body() body: unknown, @Headers() headers: Record<string, string>) {
    return { body, traceparent: headers['traceparent'], requestId: headers['dsops-request-id'] };
  }

  @Get('things/:name')
  thing(@Param('name') name: string, @Query('q') q: string) {
    return { name, q };
  }

  @Get('refuses')
  refuses(): never {
    throw new DomainError('thing_unknown', 'not_found', 'There is no such thing.');
  }

  @Get('nothing')
  nothing(): void {}
}

@Module({ controllers: [EchoController] })
class EchoModule {}

describe('invocation', () => {
  let app: ServiceApp;
  let daprd: FakeDaprd;
  beforeEach(async () => {
    app = await startServiceApp(EchoModule, {
      logger: createLogger({ service: 'audit', level: 'silent' }),
      token: APP_TOKEN,
    });
    daprd = await FakeDaprd.start({
      appId: 'gateway',
      broker: new FakeBroker(),
      apiToken: API_TOKEN,
      apps: { audit: { url: app.url, token: APP_TOKEN } },
      deniedApps: ['rotation'],
    });
  });
  afterEach(async () => {
    await daprd.stop();
    await app.close();
  });

  const lines: string[] = [];
  const logger = createLogger({ service: 'gateway', destination: { write: (line) => void lines.push(line) } });
  beforeEach(() => void lines.splice(0));
  const throughDapr = (apiToken = API_TOKEN) =>
    new DaprInvoker({ sidecarUrl: daprd.url, apiToken: new Secret(apiToken), logger });
  const ways: [string, () => Invoker][] = [
    ['in the process', () => new HttpInvoker(() => app.url, APP_TOKEN)],
    ['through Dapr', () => throughDapr()],
  ];

  describe.each(ways)('%s', (_, open) => {
    it('carries the body, the trace and the id of the request', async () => {
      const answer = await inContext({ traceparent: TRACEPARENT, requestId: 'request-1' }, () =>
        open().invoke('audit', { method: 'POST', path: '/echo', body: { n: 1 } }),
      );
      expect(answer).toEqual({
        status: 201,
        body: { body: { n: 1 }, traceparent: TRACEPARENT, requestId: 'request-1' },
      });
    });

    it('asks with a query', async () => {
      const answer = await open().invoke('audit', { method: 'GET', path: '/things/a%20b?q=1%262' });
      expect(answer).toEqual({ status: 200, body: { name: 'a b', q: '1&2' } });
    });

    it.each(['a%b', 'a?b', 'a#b', 'a/b', 'ü🗝️'])('keeps %j in a path as it is', async (name) => {
      const answer = await open().invoke('audit', {
        method: 'GET',
        path: `/things/${encodeURIComponent(name)}?q=%2525`,
      });
      expect(answer.body).toEqual({ name, q: '%25' });
    });

    it('returns what the service refuses, and what has no body', async () => {
      expect(await open().invoke('audit', { method: 'GET', path: '/refuses' })).toMatchObject({
        status: 404,
        body: { code: 'thing_unknown' },
      });
      expect(await open().invoke('audit', { method: 'GET', path: '/nothing' })).toEqual({
        status: 200,
        body: undefined,
      });
    });

    it('says by name who does not answer', async () => {
      const invoker = open();
      await app.close();
      await expect(invoker.invoke('audit', { method: 'GET', path: '/refuses' })).rejects.toMatchObject({
        code: 'service_unavailable',
        kind: 'unavailable',
        message: expect.stringMatching(/^The audit service does not answer\./),
      });
    });
  });

  it.each([
    [
      'the sidecar is not there',
      'audit',
      'ECONNREFUSED',
      () => new DaprInvoker({ sidecarUrl: 'http://127.0.0.1:65535', apiToken: new Secret('x'), logger }),
    ],
    ['the sidecar refuses our token', 'audit', 'refuses our token', () => throughDapr('wrong')],
    ['the other side may not be called', 'rotation', 'access control', () => throughDapr()],
    ['the other side is unknown', 'notification', 'ERR_DIRECT_INVOKE', () => throughDapr()],
  ] as const)('through Dapr says so when %s', async (_, service, says, open) => {
    await expect(open().invoke(service, { method: 'GET', path: '/refuses' })).rejects.toMatchObject({
      code: 'service_unavailable',
      message: expect.stringContaining(says),
    });
  });

  it('through Dapr logs a refusal with who was called and for what, and nothing that was asked', async () => {
    const call = throughDapr().invoke('rotation', { method: 'GET', path: '/credentials/one?name=hidden' });
    await expect(call).rejects.toMatchObject({ code: 'service_unavailable' });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({
        level: 'warn',
        service: 'gateway',
        appId: 'rotation',
        path: '/credentials/one',
        status: 403,
      }),
    ]);
    expect(lines.join()).not.toContain('hidden');
    lines.splice(0);
    await expect(throughDapr().invoke('notification', { method: 'GET', path: '/inbox' })).rejects.toThrow();
    expect(lines).toEqual([]);
  });

  it('through Dapr gives up in time', async () => {
    daprd.planned.push('silence');
    await expect(
      throughDapr().invoke('audit', { method: 'GET', path: '/refuses', timeoutMs: 100 }),
    ).rejects.toMatchObject({ code: 'service_unavailable', message: expect.stringContaining('TimeoutError') });
  });
});
