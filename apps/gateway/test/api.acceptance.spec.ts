import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { request as httpRequest } from 'node:http';
import { operations } from '@dsops/contracts/api';
import { listAudit } from '@dsops/contracts/audit/api';
import { getSystem } from '@dsops/contracts/gateway/api';
import { markAllRead } from '@dsops/contracts/notification/api';
import {
  addService,
  checkOut,
  getRotation,
  getService,
  getStatus,
  planRotation,
  startRotation,
} from '@dsops/contracts/rotation/api';
import { exampleOf } from './example-of.js';
import { asProblem, startTestGateway, type TestGateway } from './gateway-fixture.js';
import { problem } from './stub-services.js';

const place = { environment: 'production', service: 'payments-db' };

describe('the API', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ tuning: { forwardTimeoutMs: 300 } });
  });
  afterAll(() => gateway.close());
  beforeEach(() => {
    gateway.stub.answers.clear();
    gateway.stub.received.length = 0;
  });

  it.each(
    operations.filter(({ service }) => service !== 'gateway').map((operation) => [operation.id, operation] as const),
  )('hands %s on to its service', async (_, operation) => {
    const reply = await gateway.call(operation, {
      ...(operation.params && { params: exampleOf(operation.params) }),
      ...(operation.body && { body: exampleOf(operation.body) }),
    } as object);
    expect(gateway.stub.violations).toEqual([]);
    expect(reply.status).toBe(operation.status);
    expect(reply.body).toEqual(JSON.parse(JSON.stringify(exampleOf(operation.response))));
    expect(gateway.stub.of(operation)).toEqual([
      expect.objectContaining({
        caller: { actor: expect.objectContaining({ kind: 'api_key', name: 'admin' }), role: 'admin' },
      }),
    ]);
  });

  it('carries the trace, the request id and the Idempotency-Key on', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const headers = { traceparent, 'idempotency-key': 'my-intent' };
    const reply = await gateway.call(planRotation, { params: place, body: {} }, { headers });
    const [received] = gateway.stub.of(planRotation);
    expect(received!.headers).toMatchObject({
      traceparent,
      'idempotency-key': 'my-intent',
      'dsops-request-id': reply.headers.get('dsops-request-id'),
    });
  });

  it('names an intent for who does not, and refuses a name that is none', async () => {
    await gateway.call(markAllRead);
    await gateway.call(markAllRead);
    const keys = gateway.stub.of(markAllRead).map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys).size).toBe(2);
    const refused = asProblem(await gateway.call(markAllRead, {}, { headers: { 'idempotency-key': 'x'.repeat(256) } }));
    expect(refused).toMatchObject({ status: 400, code: 'idempotency_key_invalid' });
  });

  it('does not fill in defaults in the place of the owner', async () => {
    await gateway.call(startRotation, { params: place, body: {} });
    await gateway.call(listAudit, { query: { actor: 'a b&c' } });
    expect(gateway.stub.of(startRotation)[0]!.body).toEqual({});
    expect(gateway.stub.of(listAudit)[0]!.query).toEqual({ actor: 'a b&c' });
  });

  it('gives problems of a service on as they are', async () => {
    const said = problem('refused', 'guard_refused', 'The old value is still checked out.', {
      remedy: 'Wait.',
      missing: ['check_outs'],
    });
    gateway.stub.answers.set('startRotation', said);
    const reply = await gateway.call(startRotation, { params: place, body: {} });
    expect(reply.status).toBe(422);
    expect(reply.body).toEqual(said.body);
    expect(reply.headers.get('content-type')).toContain('application/problem+json');
  });

  it('gives on what a newer service adds to an answer', async () => {
    const known = exampleOf(getRotation.response) as object;
    gateway.stub.answers.set('getRotation', { status: 200, body: { ...known, mood: 'sunny' } });
    const reply = await gateway.call(getRotation, { params: { rotationId: '01JD0000000000000000000001' } });
    expect(reply.body).toMatchObject({ mood: 'sunny' });
  });

  it('notices an answer that breaks the contract, without holding it back or quoting it', async () => {
    gateway.stub.answers.set('getRotation', { status: 200, body: { id: 'canary' } });
    const reply = await gateway.call(getRotation, { params: { rotationId: '01JD0000000000000000000001' } });
    expect(reply).toMatchObject({ status: 200, body: { id: 'canary' } });
    const line = gateway.logLines.find((one) => one.includes('answer does not keep its contract'));
    expect(line).toContain('"operation":"getRotation"');
    expect(line).not.toContain('canary');
  });

  it('does not blame the caller for a service that does not know the gateway', async () => {
    gateway.stub.answers.set('getStatus', problem('unauthenticated', 'token_missing', 'This port is for services.'));
    expect(asProblem(await gateway.call(getStatus))).toMatchObject({ status: 503, code: 'service_answer_unreadable' });
  });

  it('says that a service is silent, and that the outcome of a change is unknown', async () => {
    gateway.stub.answers.set('getStatus', 'never').set('startRotation', 'never');
    const read = asProblem(await gateway.call(getStatus));
    expect(read).toMatchObject({ status: 503, code: 'service_timeout', remedy: expect.stringContaining('Try again') });
    const change = asProblem(await gateway.call(startRotation, { params: place, body: {} }));
    expect(change).toMatchObject({
      status: 503,
      code: 'service_timeout',
      remedy: expect.stringContaining('same Idempotency-Key'),
    });
    expect(change.detail).toContain('not known');
  });

  it('says that a service is down', async () => {
    await gateway.stub.stopService('audit');
    expect(asProblem(await gateway.call(listAudit))).toMatchObject({ status: 503, code: 'service_unavailable' });
  });

  describe('refuses before a service hears of it', () => {
    const refused = async (reply: Promise<Awaited<ReturnType<TestGateway['call']>>>) => {
      const found = asProblem(await reply);
      expect(gateway.stub.received).toEqual([]);
      expect(found.remedy).toBeTruthy();
      expect(found.requestId).toMatch(/^[0-9A-Z]{26}$/);
      return found;
    };

    it('unknown and missing fields, all of them by path', async () => {
      const target = { host: 'h', port: 70_000 };
      const body = { name: 'x', environment: 'production', type: 'postgresql', colour: 'blue', target };
      const found = await refused(gateway.call(addService, { body: body as never }));
      expect(found).toMatchObject({ status: 400, code: 'request_invalid' });
      expect(found.errors!.map(({ path }) => path).sort()).toEqual([
        'admin',
        'colour',
        'credential',
        'target.database',
        'target.port',
      ]);
    });

    it('bad parameters and queries', async () => {
      expect(await refused(gateway.call(getRotation, { params: { rotationId: 'last' } }))).toMatchObject({
        status: 400,
      });
      const query = { limit: 1000, colour: 'blue' } as never;
      expect((await refused(gateway.call(listAudit, { query }))).errors).toHaveLength(2);
      expect(await refused(gateway.fetch('/api/v1/system?x=1', authorized()))).toMatchObject({ status: 400 });
    });

    it('a body that is no JSON, or is not declared as such, or is not wanted', async () => {
      const send = (body: string, type: string) =>
        gateway.fetch('/api/v1/services', authorized({ method: 'POST', body, headers: { 'content-type': type } }));
      expect(await refused(send('{"name":', 'application/json'))).toMatchObject({ status: 400, code: 'body_not_json' });
      expect(await refused(send('name=x', 'application/x-www-form-urlencoded'))).toMatchObject({
        status: 400,
        code: 'body_not_json',
      });
      expect(await refused(gateway.call(markAllRead, { body: { all: true } as never }))).toMatchObject({ status: 400 });
    });

    it('a body of 10 MB, with an answer that can be read', async () => {
      const { status, text } = await upload(`${gateway.url}/api/v1/services`, gateway.adminKey, 10_000_000);
      expect(status).toBe(413);
      expect(JSON.parse(text)).toMatchObject({ code: 'body_too_large', detail: 'The body is larger than 1 MB.' });
      expect((await gateway.call(getSystem)).status).toBe(200);
    });

    it('paths and methods that do not exist', async () => {
      expect(await refused(gateway.fetch('/api/v1/secrets', authorized()))).toMatchObject({
        status: 404,
        code: 'path_unknown',
      });
      expect(await refused(gateway.fetch('/api/v2/status', authorized()))).toMatchObject({
        status: 404,
        code: 'path_unknown',
      });
      const put = await gateway.fetch('/api/v1/services', authorized({ method: 'PUT' }));
      expect(put.headers.get('allow')).toBe('GET, POST');
      expect(asProblem(put)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    });

    it('a command line that is too old, and serves others', async () => {
      const by = (client: string) => gateway.call(getSystem, {}, { headers: { 'dsops-client': client } });
      expect(await refused(by('cli/0.0.9'))).toMatchObject({ status: 409, code: 'client_outdated', about: 'client' });
      expect((await by('cli/0.1.0')).status).toBe(200);
      expect((await by('console/0.0.1')).status).toBe(200);
    });

    it('a role that is too low', async () => {
      const { key } = await gateway.keyOf('viewer');
      expect(await refused(gateway.call(startRotation, { params: place, body: {} }, { key }))).toMatchObject({
        status: 403,
        code: 'role_missing',
      });
      expect((await gateway.call(getService, { params: place }, { key })).status).toBe(200);
    });
  });

  it('keeps its answers out of caches, frames and other sites', async () => {
    const reply = await gateway.call(checkOut, { params: place, body: {} });
    expect(reply.status).toBe(201);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.get('etag')).toBeNull();
    for (const { headers } of [
      reply,
      await gateway.fetch(
        '/api/v1/services',
        authorized({ method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }),
      ),
    ]) {
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });

  const authorized = (init: RequestInit = {}): RequestInit => ({
    ...init,
    headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${gateway.adminKey}` },
  });
});

describe('too many creations', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ tuning: { creationsPerMinute: 3 } });
  });
  afterAll(() => gateway.close());

  it('are refused for a while, for this key only, and reading goes on', async () => {
    const { key } = await gateway.keyOf('operator');
    const start = () => gateway.call(startRotation, { params: place, body: {} }, { key });
    for (let made = 0; made < 3; made++) expect((await start()).status).toBe(202);
    const reply = await start();
    expect(asProblem(reply)).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await gateway.call(getStatus, {}, { key })).status).toBe(200);
    expect((await gateway.call(planRotation, { params: place, body: {} }, { key })).status).toBe(200);
    expect((await gateway.call(startRotation, { params: place, body: {} })).status).toBe(202);
  });
});

/** With node:http, because it goes on reading while it still sends. */
function upload(url: string, key: string, bytes: number): Promise<{ status: number; text: string }> {
  return new Promise((done, failed) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-length': bytes };
    const request = httpRequest(url, { method: 'POST', headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('end', () => done({ status: response.statusCode!, text }));
    });
    request.on('error', failed);
    request.end(Buffer.alloc(bytes, '"'));
  });
}
