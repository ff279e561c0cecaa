import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import {
  getDeadLetter,
  getFindings,
  dropDeadLetter,
  listDeadLetters,
  replayDeadLetter,
  type DeadLetterView,
} from '@dsops/contracts/gateway/api';
import { openApiDocument } from '@dsops/contracts-generate';
import { newId } from '@dsops/kernel';
import { TOKEN_HEADER } from '@dsops/platform';
import { asProblem, eventually, startTestGateway, TOKEN, type TestGateway } from './gateway-fixture.js';

const letter = (owner: ServiceName): DeadLetterView => ({
  id: newId(),
  owner,
  consumer: owner,
  status: 'open',
  blocksKey: true,
  reason: 'The handler failed.',
  note: null,
  attempts: 5,
  type: 'dsops.rotation.rotation.started.v1',
  topic: 'rotation-events',
  key: 'k',
  sequence: '7',
  eventId: newId(),
  at: '2026-11-21T12:00:00.000Z',
  keptUntil: null,
});

describe('what anybody may ask', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ tuning: { readinessTimeoutMs: 500 } });
  });
  afterAll(() => gateway.close());

  it('is what this is: lines for curl, a page for browsers', async () => {
    const lines = await gateway.fetch('/', { headers: { accept: '*/*' } });
    expect(lines.headers.get('content-type')).toContain('text/plain');
    expect(lines.text).toMatch(/^dsops 0\.1\.0\n/);
    expect(lines.text).toContain('/api/v1/openapi.json');
    const page = await gateway.fetch('/', { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toMatch(/style-src 'sha256-/);
    expect(page.text).toContain('<title>dsops</title>');
  });

  it('is the API as OpenAPI', async () => {
    const reply = await gateway.fetch('/api/v1/openapi.json');
    expect(reply.body).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
  });

  it('is whether every service is ready', async () => {
    expect(await gateway.fetch('/api/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
    gateway.stub.unready.add('notification');
    await gateway.stub.stopService('audit');
    const degraded = await eventually(async () => {
      const reply = await gateway.fetch('/api/health');
      expect(reply.status).toBe(503);
      return reply;
    });
    expect(degraded.body).toEqual({
      status: 'degraded',
      services: {
        ...Object.fromEntries(SERVICES.map((name) => [name, 'up'])),
        audit: 'unreachable',
        notification: 'down',
      },
    });
    for (const path of ['live', 'startup']) expect((await gateway.fetch(`/health/${path}`)).status).toBe(200);
    expect((await gateway.fetch('/health/ready')).status).toBe(200);
  });

  it('is, for whoever has a key, what is wrong and what to do', async () => {
    const { body } = await gateway.call(getFindings);
    expect(body.findings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ service: 'audit', level: 'error', code: 'service_unreachable' }),
        expect.objectContaining({
          service: 'notification',
          level: 'error',
          message: expect.stringContaining('not ready'),
        }),
      ]),
    );
    expect(body.findings.map(({ service }) => service)).not.toContain('rotation');
  });

  it('is nothing else', async () => expect(asProblem(await gateway.fetch('/api/v1/status')).status).toBe(401));
});

describe('routes between services', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway();
  });
  afterAll(() => gateway.close());

  it.each([
    '/internal/dead-letters',
    '/INTERNAL/dead-letters',
    '/internal/dead-letters/',
    '/%69nternal/dead-letters',
    '//internal/dead-letters',
    '/api/../internal/dead-letters',
  ])('do not exist for the outside at %s', async (path) => {
    for (const headers of [{}, { authorization: `Bearer ${gateway.adminKey}` }, { [TOKEN_HEADER]: 'guess' }])
      expect(asProblem(await gateway.fetch(path, { headers })).status).toBe(404);
  });

  it('serve who knows the token', async () =>
    expect(
      (await gateway.fetch('/internal/dead-letters?status=open&limit=5', { headers: { [TOKEN_HEADER]: TOKEN } })).body,
    ).toEqual({
      items: [],
      next: null,
    }));
});

describe('dead letters', () => {
  let gateway: TestGateway;
  const audit = Array.from({ length: 3 }, () => letter('audit')).reverse();
  const notification = Array.from({ length: 2 }, () => letter('notification')).reverse();
  beforeAll(async () => {
    gateway = await startTestGateway();
    gateway.stub.letters.set('audit', audit).set('notification', notification);
  });
  afterAll(() => gateway.close());

  const idsOf = (reply: { body: { items: DeadLetterView[] } }) => reply.body.items.map(({ id }) => id);

  it('of all services are one list, page by page', async () => {
    const all = await gateway.call(listDeadLetters);
    expect(idsOf(all)).toEqual([...audit, ...notification].map(({ id }) => id));
    expect(all.body.next).toBeNull();
    const pages: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await gateway.call(listDeadLetters, {
        query: { limit: 2, ...(cursor === undefined ? {} : { cursor }) },
      });
      pages.push(...idsOf(page));
      if (page.body.next === null) break;
      cursor = page.body.next;
    }
    expect(pages).toEqual(idsOf(all));
  });

  it('of one service can be asked for, shown and replayed', async () => {
    expect(idsOf(await gateway.call(listDeadLetters, { query: { owner: 'notification' } }))).toEqual(
      notification.map(({ id }) => id),
    );
    const params = { owner: 'audit' as const, letterId: audit[0]!.id };
    expect((await gateway.call(getDeadLetter, { params })).body).toMatchObject({
      id: audit[0]!.id,
      event: { id: audit[0]!.eventId },
    });
    expect((await gateway.call(replayDeadLetter, { params })).body.status).toBe('replayed');
    const { key } = await gateway.keyOf('operator');
    expect(asProblem(await gateway.call(replayDeadLetter, { params }, { key })).status).toBe(403);
  });

  it('can be given up by an admin, whose name stays with it', async () => {
    const params = { owner: 'audit' as const, letterId: audit[0]!.id };
    const body = { reason: 'mended by hand' };
    const { status, note } = (await gateway.call(dropDeadLetter, { params, body })).body;
    expect({ status, note }).toEqual({ status: 'dropped', note: expect.stringMatching(/^.+: mended by hand$/) });
    const { key } = await gateway.keyOf('operator');
    expect(asProblem(await gateway.call(dropDeadLetter, { params, body }, { key })).status).toBe(403);
    expect(asProblem(await gateway.call(dropDeadLetter, { params, body: { reason: ' ' } })).status).toBe(400);
  });

  it('that do not exist are said not to', async () => {
    const reply = (owner: ServiceName) => gateway.call(getDeadLetter, { params: { owner, letterId: newId() } });
    for (const owner of ['audit', 'rotation', 'gateway'] as const)
      expect(asProblem(await reply(owner)).status).toBe(404);
    expect(asProblem(await gateway.call(listDeadLetters, { query: { cursor: 'x' } })).code).toBe('cursor_invalid');
  });

  it('of a service that is down are not passed over in silence', async () => {
    await gateway.stub.stopService('notification');
    const reply = asProblem(await gateway.call(listDeadLetters));
    expect(reply).toMatchObject({
      status: 503,
      code: 'dead_letters_incomplete',
      detail: expect.stringContaining('notification'),
    });
    expect((await gateway.call(listDeadLetters, { query: { owner: 'audit' } })).status).toBe(200);
  });
});
