import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { defineOperation } from '@dsops/contracts/define-operation';
import { PrismaClient } from '@dsops/database/rotation';
import { Secret } from '@dsops/kernel';
import { answerOnce, IdempotencyKey, UNIT_OF_WORK, type Transport, type UnitOfWork } from '@dsops/messaging';
import { createLogger, HttpInvoker, Input, Serves, type InputOf, type ServiceApp } from '@dsops/platform';
import { MasterKey, newKeyBytes } from '@dsops/sealing';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';
import { defineService, hostService } from '../src/index.js';

const aThing = {
  path: '/things/{name}',
  service: 'rotation',
  tag: 'things',
  role: 'viewer',
  status: 200,
  summary: 'For this spec',
  params: z.object({ name: z.string().max(5) }),
  body: z.strictObject({ size: z.int() }),
  response: z.object({ nth: z.int(), size: z.int() }),
} as const;
const putThing = defineOperation({ ...aThing, id: 'putThing', method: 'PUT' });
const mendThing = defineOperation({ ...aThing, id: 'mendThing', method: 'PATCH' });

let done = 0;

@Controller()
class Things {
  constructor(@Inject(UNIT_OF_WORK) private readonly units: UnitOfWork) {}

  @Serves(putThing)
  put(@Input(putThing) { body }: InputOf<typeof putThing>) {
    return { nth: (done += 1), size: body.size };
  }

  @Serves(mendThing)
  mend(@Input(mendThing) { params, body }: InputOf<typeof mendThing>, @IdempotencyKey() key: string) {
    const fingerprint = JSON.stringify([mendThing.id, params, body]);
    return this.units.run((unit) =>
      answerOnce(unit, { principalId: 'p', key, fingerprint }, async () => ({ nth: (done += 1), size: body.size })),
    );
  }
}

const silent: Transport = {
  publish: async () => ({ refused: [] }),
  subscribe: async () => ({ stop: async () => undefined }),
};

describe('a service', () => {
  let home: TestDatabase;
  let service: ServiceApp;
  let invoker: HttpInvoker;

  beforeAll(async () => {
    home = await createTestDatabase();
    invoker = new HttpInvoker(() => service.url, 'token-of-this-spec');
    service = await hostService(
      defineService({ name: 'rotation', database: PrismaClient, controllers: [Things], providers: [] }),
      {
        database: home.options,
        transport: silent,
        invoker,
        logger: createLogger({ service: 'rotation', level: 'silent' }),
        token: new Secret('token-of-this-spec'),
        key: new MasterKey(newKeyBytes()).serviceKey('rotation'),
      },
    );
  });
  afterAll(async () => {
    await service.close();
    await home.drop();
  });

  const ask = (method: 'PUT' | 'PATCH' | 'POST', body: unknown, key?: string, path = '/things/a') =>
    invoker.invoke('rotation', { method, path, body, ...(key && { headers: { 'idempotency-key': key } }) });

  it('does what a PUT says, each time', async () => {
    const first = await ask('PUT', { size: 1 });
    expect(first).toMatchObject({ status: 200, body: { size: 1 } });
    expect((await ask('PUT', { size: 1 })).body).not.toEqual(first.body);
  });

  it('answers the repetition of a PATCH with the first answer, and refuses its key with another body', async () => {
    const first = await ask('PATCH', { size: 2 }, 'once');
    expect(first).toMatchObject({ status: 200, body: { size: 2 } });
    expect(await ask('PATCH', { size: 2 }, 'once')).toEqual(first);
    expect(await ask('PATCH', { size: 3 }, 'once')).toMatchObject({
      status: 409,
      body: { code: 'idempotency_key_reused' },
    });
    expect(await ask('PATCH', { size: 2 })).toMatchObject({ status: 400, body: { code: 'idempotency_key_missing' } });
  });

  it.each(['PUT', 'PATCH'] as const)('checks what a %s brings, and names all of its faults', async (method) => {
    expect(await ask(method, { size: 'large' }, 'wrong', '/things/too-long')).toMatchObject({
      status: 400,
      body: { code: 'request_invalid', errors: [{ path: 'path.name' }, { path: 'size' }] },
    });
    expect((await ask(method, { size: 1 }, 'lost', '/nothing/a')).status).toBe(404);
  });

  it('takes no method that is not declared at a path', async () =>
    expect((await ask('POST', { size: 1 }, 'other')).status).toBe(404));
});
