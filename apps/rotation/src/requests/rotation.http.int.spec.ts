import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Operation, RequestOf, ResponseOf } from '@dsops/contracts/define-operation';
import { problemSchema } from '@dsops/contracts/problem';
import {
  addService,
  getRotation,
  getStatus,
  listRotations,
  planRotation,
  resumeRotation,
  rollBack,
  startRotation,
} from '@dsops/contracts/rotation/api';
import { pathOf } from '@dsops/contracts/request-path';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { newId, Secret, unwrapSecret } from '@dsops/kernel';
import type { Transport } from '@dsops/messaging';
import { CALLER_HEADER, createLogger, encodeCaller, HttpInvoker, type ServiceApp } from '@dsops/platform';
import { hostService } from '@dsops/service';
import { createTestDatabase, eventually, type TestDatabase } from '@dsops/testing';
import { keyPaths } from '../config.js';
import { rotationService } from '../service.js';
import { scramVerifier } from '@dsops/drivers/postgresql/scram';
import { NAMES, startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { MasterKey, newKeyBytes } from '@dsops/sealing';

const TOKEN = 'token-of-this-spec';
const caller = encodeCaller({ actor: { kind: 'user', id: 'u1', name: 'Ann' }, role: 'admin' });
const params = { environment: 'production', service: 'payments-db' };
/** The listeners are other services. */
const silent: Transport = {
  publish: async () => ({ refused: [] }),
  subscribe: async () => ({ stop: async () => undefined }),
};

let target: PostgresqlWorld;
let test: TestDatabase;
let database: PrismaClient;
let home: string;
let service: ServiceApp;

beforeAll(async () => {
  [target, test, home] = await Promise.all([
    startPostgresqlWorld(),
    createTestDatabase(),
    mkdtemp(join(tmpdir(), 'dsops-')),
  ]);
  database = connect(PrismaClient, 'rotation', test.options);
  const logger = createLogger({ service: 'rotation', level: 'silent' });
  const { markFile } = keyPaths(home);
  service = await hostService(
    rotationService({ drivers: [target.driver], worker: { lookEveryMs: 20 } }),
    {
      database: test.options,
      transport: silent,
      invoker: new HttpInvoker(() => service.url, TOKEN),
      logger,
      token: new Secret(TOKEN),
      key: new MasterKey(newKeyBytes()).serviceKey('rotation'),
    },
    { own: { DSOPS_MARK_FILE: markFile } },
  );
  const password = target.driver.generate();
  await target.asSuperuser(`ALTER ROLE shop_a LOGIN PASSWORD '${await scramVerifier(password)}'`);
  await done(addService, {
    body: {
      name: params.service,
      environment: params.environment,
      type: 'postgresql',
      target: target.target,
      admin: { username: target.admin.username, password: unwrapSecret(target.admin.password) },
      credential: { strategy: 'two-key', consumers: 'managed', slots: [...NAMES.slots], owner: NAMES.owner },
      current: { username: 'shop_a', password: unwrapSecret(password) },
    },
  });
});
afterAll(async () => {
  await service?.close();
  await database?.$disconnect();
  await Promise.all([test?.drop(), target?.close(), rm(home, { recursive: true })]);
});

async function call<O extends Operation>(operation: O, request: RequestOf<O>, key = newId()) {
  return new HttpInvoker(() => service.url, TOKEN).invoke('rotation', {
    method: operation.method,
    path: pathOf(operation, request),
    ...(request.body === undefined ? {} : { body: request.body }),
    headers: { [CALLER_HEADER]: caller, 'idempotency-key': key },
  });
}
async function done<O extends Operation>(operation: O, request: RequestOf<O>, key?: string): Promise<ResponseOf<O>> {
  const { status, body } = await call(operation, request, key);
  expect([status, body]).toEqual([operation.status, expect.anything()]);
  return operation.response.parse(body) as ResponseOf<O>;
}
const refused = async <O extends Operation>(operation: O, request: RequestOf<O>): Promise<string> =>
  problemSchema.parse((await call(operation, request)).body).code;

describe('rotations over HTTP', () => {
  it('are planned, started once for each key, shown and listed', async () => {
    const plan = await done(planRotation, { params, body: {} });
    expect(plan).toMatchObject({
      canApply: true,
      strategy: 'two-key',
      targetSlot: 'shop_b',
      blastRadius: { checkOuts: 0 },
    });
    const [key, body] = [newId(), { plan: plan.digest, reason: 'quarterly' }];
    const started = await done(startRotation, { params, body }, key);
    expect(await done(startRotation, { params, body }, key)).toEqual(started);
    expect(started).toMatchObject({ state: 'pending', service: params.service, reason: 'quarterly' });
    await eventually(async () => {
      const shown = await done(getRotation, { params: { rotationId: started.id } });
      expect(shown).toMatchObject({ state: 'completed', previousVersion: plan.currentVersion });
    }, 40_000);
    const { items } = await done(listRotations, { query: { state: 'completed', service: params.service } });
    expect(items.map(({ id }) => id)).toEqual([started.id]);
    expect((await done(getStatus, { query: {} })).items).toMatchObject([{ status: 'active', success_count: 1 }]);
  });

  it('refuse what cannot be, with a code for each reason', async () => {
    const unknown = { ...params, service: 'nobody' };
    const rotationId = newId();
    expect(await refused(startRotation, { params: unknown, body: {} })).toBe('service_unknown');
    expect(await refused(planRotation, { params: unknown, body: {} })).toBe('service_unknown');
    expect(await refused(startRotation, { params, body: { plan: 'of yesterday' } })).toBe('plan_drifted');
    expect(await refused(rollBack, { params, body: { reason: 'too late' } })).toBe('rollback_impossible');
    expect(await refused(getRotation, { params: { rotationId } })).toBe('rotation_unknown');
    expect(await refused(resumeRotation, { params: { rotationId }, body: { reason: 'go on' } })).toBe(
      'rotation_unknown',
    );
    expect(await refused(listRotations, { query: { cursor: 'x' } })).toBe('cursor_invalid');
    expect(await refused(getStatus, { query: { service: 'nobody' } })).toBe('service_unknown');
  });
});
