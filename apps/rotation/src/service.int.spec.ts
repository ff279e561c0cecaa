import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir, readFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import pg from 'pg';
import { postgresql } from '@dsops/contracts/rotation/targets/postgresql';
import type { Operation, RequestOf, ResponseOf } from '@dsops/contracts/define-operation';
import { problemSchema } from '@dsops/contracts/problem';
import {
  addService,
  checkOut,
  confirmRestore,
  getInstallation,
  getService,
  listServices,
  releaseCheckOut,
  removeService,
} from '@dsops/contracts/rotation/api';
import { pathOf } from '@dsops/contracts/request-path';
import { connect, query, raw, sql } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { newId, Secret, unwrapSecret } from '@dsops/kernel';
import type { Published, Transport } from '@dsops/messaging';
import { CALLER_HEADER, createLogger, encodeCaller, HttpInvoker, type ServiceApp } from '@dsops/platform';
import { hostService } from '@dsops/service';
import { createTestDatabase, eventually, type TestDatabase } from '@dsops/testing';
import { keyPaths } from './config.js';
import { rotationService } from './service.js';
import type { Login } from '@dsops/drivers/driver';
import { NAMES, startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { scramVerifier } from '@dsops/drivers/postgresql/scram';
import { openKeyFile } from '@dsops/sealing';

const TOKEN = 'token-of-this-spec';
const caller = encodeCaller({ actor: { kind: 'user', id: 'u1', name: 'Ann' }, role: 'admin' });

/** Takes every event and delivers none: the listeners are other services. */
class CollectingTransport implements Transport {
  readonly published: Published[] = [];

  async publish(batch: readonly Published[]): Promise<{ refused: { id: string; reason: string }[] }> {
    this.published.push(...batch);
    return { refused: [] };
  }

  async subscribe(): Promise<{ stop(): Promise<void> }> {
    return { stop: async () => undefined };
  }
}

let target: PostgresqlWorld;
let test: TestDatabase;
let database: PrismaClient;
let home: string;
let service: ServiceApp;
let current: Login;
const transport = new CollectingTransport();
let logged = '';
let answered = '';

beforeAll(async () => {
  [target, test, home] = await Promise.all([
    startPostgresqlWorld(),
    createTestDatabase(),
    mkdtemp(join(tmpdir(), 'dsops-module-')),
  ]);
  database = connect(PrismaClient, 'rotation', test.options);
  const { keyFile, markFile } = keyPaths(home);
  const destination = new Writable({
    write(chunk, _, done) {
      logged += String(chunk);
      done();
    },
  });
  const logger = createLogger({ service: 'rotation', level: 'trace', destination });
  const master = await openKeyFile({ path: keyFile, database: 'new' });
  service = await hostService(
    rotationService({ drivers: [target.driver] }),
    {
      database: test.options,
      transport,
      invoker: new HttpInvoker(() => service.url, TOKEN),
      logger,
      token: new Secret(TOKEN),
      key: master.serviceKey('rotation'),
    },
    { own: { DSOPS_MARK_FILE: markFile } },
  );
  current = { username: 'shop_a', password: target.driver.generate() };
  await target.asSuperuser(`ALTER ROLE shop_a LOGIN PASSWORD '${await scramVerifier(current.password)}'`);
}, 60_000);
afterAll(async () => {
  await service.close();
  await database.$disconnect();
  await Promise.all([test.drop(), target.close(), rm(home, { recursive: true })]);
});

async function call<O extends Operation>(operation: O, request: RequestOf<O>, key = newId()) {
  const { status, body } = await new HttpInvoker(() => service.url, TOKEN).invoke('rotation', {
    method: operation.method,
    path: pathOf(operation, request),
    ...(request.body === undefined ? {} : { body: request.body }),
    headers: { [CALLER_HEADER]: caller, 'idempotency-key': key },
  });
  if (operation.id !== 'checkOut' || status !== 201) answered += JSON.stringify(body);
  return { status, body };
}
/** The answer of a call that must succeed, checked against the contract. */
async function done<O extends Operation>(operation: O, request: RequestOf<O>, key?: string): Promise<ResponseOf<O>> {
  const { status, body } = await call(operation, request, key);
  expect([status, body]).toEqual([operation.status, expect.anything()]);
  return operation.response.parse(body) as ResponseOf<O>;
}
/** The code of a call that must be refused. */
async function refused<O extends Operation>(operation: O, request: RequestOf<O>, key?: string): Promise<string> {
  const { status, body } = await call(operation, request, key);
  expect(status).toBeGreaterThanOrEqual(400);
  return problemSchema.parse(body).code;
}

const body = (): RequestOf<typeof addService>['body'] & object => ({
  name: 'payments-db',
  environment: 'production',
  type: 'postgresql',
  target: target.target,
  admin: { username: target.admin.username, password: unwrapSecret(target.admin.password) },
  credential: { strategy: 'two-key', consumers: 'managed', slots: [...NAMES.slots], owner: NAMES.owner },
  current: { username: current.username, password: unwrapSecret(current.password) },
});
const params = { environment: 'production', service: 'payments-db' };

describe('the rotation service', () => {
  it('is alive and ready, and normal', async () => {
    for (const path of ['live', 'ready']) expect((await fetch(`${service.url}/health/${path}`)).status).toBe(200);
    expect(await done(getInstallation, {})).toEqual({ mode: 'normal', since: null, reason: null });
    if (process.platform !== 'win32') expect((await stat(keyPaths(home).markFile)).mode & 0o777).toBe(0o600);
  });

  it('adds a service once, however often the request comes', async () => {
    const key = newId();
    const added = await done(addService, { body: body() }, key);
    expect(await done(addService, { body: body() }, key)).toEqual(added);
    expect(await refused(addService, { body: { ...body(), environment: 'other' } }, key)).toBe(
      'idempotency_key_reused',
    );
    expect(await refused(addService, { body: body() })).toBe('service_exists');
    expect(await done(getService, { params })).toEqual(added);
    expect((await done(listServices, { query: {} })).items).toEqual([added]);
    expect(added.versions).toMatchObject([{ username: 'shop_a', label: 'CURRENT', verdict: 'accepted' }]);
  });

  it('says what is wrong with a request, each fault by its path', async () => {
    const credential = { strategy: 'two-key' as const, slots: ['shop_a'], gracePeriod: 'soon' };
    const { body: problem } = await call(addService, { body: { ...body(), name: 'another', credential } });
    expect(problemSchema.parse(problem)).toMatchObject({
      code: 'request_invalid',
      errors: [{ path: 'credential.slots' }, { path: 'credential.owner' }, { path: 'credential.gracePeriod' }],
    });
    const { body: unfit } = await call(addService, {
      body: { ...body(), name: 'another', admin: { username: NAMES.admin, password: 'canary-wrong-admin' } },
    });
    expect(problemSchema.parse(unfit)).toMatchObject({ remedy: expect.any(String) });
  });

  it('checks a value out that works, releases it, and the mark has moved before', async () => {
    const highWater = async () =>
      Number((JSON.parse(await readFile(keyPaths(home).markFile, 'utf8')) as { highWater: string }).highWater);
    const before = await highWater();
    const value = await done(checkOut, { params, body: { ttl: '5m', purpose: 'a test' } });
    expect(await highWater()).toBeGreaterThan(before);
    const client = new pg.Client({
      ...postgresql.target.parse(value.target),
      user: value.user,
      password: value.password,
    });
    await client.connect();
    await client.end();
    expect(await done(releaseCheckOut, { params: { checkOutId: value.id } })).toEqual({ released: true });
  });

  it('lets nobody in who does not know the token', async () => {
    expect((await fetch(`${service.url}${pathOf(getService, { params })}`)).status).toBe(401);
  });

  it('removes the service', async () => {
    expect(await refused(confirmRestore, { body: { formerInstallationIsOff: true, reason: 'x' } })).toBe(
      'not_restored',
    );
    expect(await done(removeService, { params })).toEqual({ removed: true });
    expect(await refused(getService, { params })).toBe('service_unknown');
  });

  it('has said what happened, in order, and to nobody a secret', async () => {
    const types = () => transport.published.map(({ event }) => event.type.split('.').slice(2, 4).join(' '));
    await eventually(() =>
      expect(types()).toEqual(['service added', 'check_out granted', 'check_out released', 'service removed']),
    );
    const tables = await query<{ name: string }>(
      database,
      sql`select table_name as name from information_schema.tables where table_schema = 'rotation'`,
    );
    expect(tables.length).toBeGreaterThan(10);
    const rows = await Promise.all(tables.map(({ name }) => query(database, sql`select t::text from ${raw(name)} t`)));
    const files = await Promise.all(
      (await readdir(join(home, 'keys'))).map((name) => readFile(join(home, 'keys', name), 'utf8')),
    );
    const everything = {
      logged,
      answered,
      events: JSON.stringify(transport.published.map(({ event }) => event)),
      rows: JSON.stringify(rows),
      files: files.join(),
    };
    expect(logged).not.toBe('');
    for (const secret of [unwrapSecret(current.password), unwrapSecret(target.admin.password), 'canary-wrong-admin'])
      for (const form of [secret, Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64')])
        for (const [where, text] of Object.entries(everything))
          expect([where, text.includes(form)]).toEqual([where, false]);
  });
});
