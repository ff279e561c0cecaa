import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execute, sql } from '@dsops/database';
import { unwrapSecret, Secret } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import { NAMES, startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { scramVerifier } from '@dsops/drivers/postgresql/scram';
import { ann, openEngine, PATIENCE_MS, type Engine } from '../run/engine.fixture.js';
import type { RegisteredService } from './service.js';

let target: PostgresqlWorld;
let engine: Engine;

beforeAll(async () => {
  target = await startPostgresqlWorld();
  engine = await openEngine(target);
}, 60_000);
beforeEach(() => target.reset());
afterAll(async () => {
  await engine.close();
  await target.close();
});

async function changeAtTheTarget(role: string): Promise<Secret> {
  const password = target.driver.generate();
  await target.asSuperuser(`ALTER ROLE ${role} LOGIN PASSWORD '${await scramVerifier(password)}'`);
  return password;
}

/** The world's own administrator, as every other test knows it. */
const changeBack = async () =>
  target.asSuperuser(`ALTER ROLE ${NAMES.admin} PASSWORD '${await scramVerifier(target.admin.password)}'`);

const give = (service: RegisteredService, password: Secret, facts: { username?: string; isForAll?: boolean } = {}) =>
  engine.administrators.set(
    { place: engine.place(service), username: facts.username, password, isForAll: facts.isForAll ?? false },
    ann,
  );

const kept = async ({ id }: RegisteredService): Promise<string> => {
  const service = await engine.registry.findById(engine.database, id);
  return unwrapSecret((await engine.vault.openAdmin(engine.database, service!))!.password);
};

describe('the administrator of a target', () => {
  it('is kept once the target has taken it, and its event names who gave it', async () => {
    const service = await engine.addLive();
    const password = await changeAtTheTarget(NAMES.admin);
    expect(await give(service, password)).toMatchObject({ username: NAMES.admin, services: [{ id: service.id }] });
    expect(await kept(service)).toBe(unwrapSecret(password));
    const events = await engine.events(service);
    expect(events).toContainEqual({
      type: 'dsops.rotation.service.administrator_set.v1',
      data: expect.objectContaining({ username: NAMES.admin, actor: ann }),
    });
    expect(JSON.stringify(events)).not.toContain(unwrapSecret(password));
    await changeBack();
  });

  it('is not kept when the target refuses it', async () => {
    const service = await engine.addLive();
    await expect(give(service, new Secret('not-the-one'))).rejects.toMatchObject({ code: 'admin_refused' });
    expect(await kept(service)).toBe(unwrapSecret(target.admin.password));
  });

  it('may be another login, but none that the service rotates', async () => {
    const service = await engine.addLive();
    const password = await changeAtTheTarget('shop_second_admin').catch(async () => {
      await target.asSuperuser('CREATE ROLE shop_second_admin CREATEROLE');
      return changeAtTheTarget('shop_second_admin');
    });
    const { findings } = await give(service, password, { username: 'shop_second_admin' });
    expect((await engine.registry.findById(engine.database, service.id))?.adminUsername).toBe('shop_second_admin');
    expect(await kept(service)).toBe(unwrapSecret(password));
    // It may do less than is needed, which is told at once.
    expect(findings).toContainEqual(expect.objectContaining({ level: 'error' }));
    await expect(give(service, password, { username: NAMES.slots[0]! })).rejects.toMatchObject({
      code: 'administrator_rotated',
    });
    await target.asSuperuser('DROP ROLE shop_second_admin');
  });

  it('may be none that another service of that server rotates', async () => {
    const [service, other] = [await engine.addLive(), await engine.addLive()];
    await target.asSuperuser('CREATE ROLE shop_third');
    const password = await changeAtTheTarget('shop_third');
    await execute(
      engine.database,
      sql`update credentials set slots = array['shop_third'], settings = '{"slots":["shop_third"]}'
          where service_id = ${other.id}`,
    );
    await expect(give(service, password, { username: 'shop_third' })).rejects.toMatchObject({
      code: 'administrator_rotated',
      message: expect.stringContaining(`${other.name} in ${other.environment}`),
    });
    expect((await engine.registry.findById(engine.database, service.id))?.adminUsername).toBe(NAMES.admin);
    await execute(engine.database, sql`update services set removed_at = now() where id = ${other.id}`);
    expect(await give(service, password, { username: 'shop_third' })).toMatchObject({ username: 'shop_third' });
    await target.asSuperuser('DROP ROLE shop_third');
  });

  it('is told of other services of that server, and given to them when asked', async () => {
    const [one, other] = [await engine.addLive(), await engine.addLive()];
    const password = await changeAtTheTarget(NAMES.admin);
    const first = await give(one, password);
    expect(first.others).toContainEqual(expect.objectContaining({ id: other.id }));
    expect(await kept(other)).toBe(unwrapSecret(target.admin.password));
    const all = await give(one, password, { isForAll: true });
    expect(all.others).toEqual([]);
    expect(await kept(other)).toBe(unwrapSecret(password));
    await changeBack();
    await give(one, target.admin.password, { isForAll: true });
  });

  it('lets a rotation go on that could not, at once', async () => {
    const service = await engine.addLive({ gracePeriod: '2s' });
    const { id } = await engine.start(service);
    engine.startWorker();
    await engine.waiting(id);
    const password = await changeAtTheTarget(NAMES.admin);
    await eventually(async () => {
      const { rotation } = (await engine.rotations.find(engine.database, id))!;
      if (!rotation || rotation.tries === 0) throw new Error('It has not met the other password yet.');
    }, PATIENCE_MS);
    await give(service, password);
    await engine.until(id, 'completed');
    expect(await engine.events(service)).toContainEqual(
      expect.objectContaining({ data: expect.objectContaining({ outcome: 'resumed' }) }),
    );
    await changeBack();
  }, 60_000);
});
