import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Actor } from '@dsops/contracts/principal';
import { execute, query, sql } from '@dsops/database';
import { addServiceSchema, type AddService } from '@dsops/contracts/rotation/add-service';
import { isDomainError, newId, unwrapSecret } from '@dsops/kernel';
import { openInstallation } from '../installation/installation.fixture.js';
import type { Login, TargetDriver } from '@dsops/drivers/driver';
import { NAMES, startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { aService, openRotationDatabase, type RotationDatabase } from '../vault/rotation-database.fixture.js';
import { scramVerifier } from '@dsops/drivers/postgresql/scram';
import { driversWith } from '@dsops/drivers';
import { noOpenRotations, type OpenRotations } from '../open-rotations.js';
import { registrationOf } from './registration.js';
import { RegistryService } from './registry.service.js';
import { checkTarget } from './target-check.js';

const actor: Actor = { kind: 'user', id: 'u1', name: 'Ann' };
let target: PostgresqlWorld;
let world: RotationDatabase;
let opened: Awaited<ReturnType<typeof openInstallation>>;
let registry: RegistryService;
let open: Awaited<ReturnType<OpenRotations['of']>> = null;

beforeAll(async () => {
  [target, world] = await Promise.all([startPostgresqlWorld(), openRotationDatabase()]);
  const openRotations: OpenRotations = { ...noOpenRotations, of: async () => open };
  opened = await openInstallation(world, openRotations);
  const { database, units, vault } = world;
  registry = new RegistryService({
    database,
    units,
    registry: world.registry,
    vault,
    installation: opened.installation,
    drivers: driversWith([target.driver]),
    openRotations,
  });
}, 60_000);
beforeEach(async () => {
  await target.reset();
  // Each test has the logins of the target for itself.
  await execute(world.database, sql`update services set removed_at = now() where removed_at is null`);
});
afterAll(async () => {
  await Promise.all([target.close(), world.close()]);
  await opened.close();
});

/** Gives the first slot a password and lets it log in, as an application would have it. */
async function liveLogin(): Promise<Login> {
  const login = { username: 'shop_a', password: target.driver.generate() };
  await target.asSuperuser(`ALTER ROLE shop_a LOGIN PASSWORD '${await scramVerifier(login.password)}'`);
  return login;
}

function asked(facts: Partial<AddService> = {}, current?: Login): AddService {
  return addServiceSchema.parse({
    name: `shop-${newId().slice(-8).toLowerCase()}`,
    environment: 'production',
    type: 'postgresql',
    target: target.target,
    admin: { username: target.admin.username, password: unwrapSecret(target.admin.password) },
    credential: { strategy: 'two-key', slots: NAMES.slots, owner: NAMES.owner, verification: { timeout: '5s' } },
    ...(current && { current: { username: current.username, password: unwrapSecret(current.password) } }),
    ...facts,
  });
}

async function add(body: AddService) {
  const registration = registrationOf(body);
  const service = await registry.check(registration);
  return world.units.run((unit) => registry.add(unit, service, registration, actor));
}

/** The error of a refused request, after making sure that it says nothing it must not and that nothing was stored. */
async function refusal(body: AddService) {
  const { items: before } = await registry.list({ limit: 50 });
  const error = await add(body).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isDomainError(error)) throw new Error('It was not refused, or not by us.', { cause: error });
  const said = JSON.stringify({ message: error.message, stack: error.stack, ...error.details });
  for (const secret of [body.admin?.password, body.current?.password])
    if (secret !== undefined) expect(said).not.toContain(secret);
  expect(error.details.remedy).toEqual(expect.any(String));
  if (body.name !== before[0]?.service.name)
    expect((await registry.list({ limit: 50 })).items).toHaveLength(before.length);
  return error;
}

const eventsOf = (serviceId: string) =>
  query<{ type: string; data: Record<string, unknown> }>(
    world.database,
    sql`select type, data from outbox where key = ${serviceId} order by sequence`,
  );
/** What pg_authid knows of the slots: changes of any kind would be seen here. */
const rolesNow = () =>
  target.asSuperuser(`select rolname, rolcanlogin, rolpassword from pg_authid where rolname like 'shop_%' order by 1`);

describe('what is stored of a service', () => {
  it('is refused by name when it does not fit its kind, and nothing is done with it', async () => {
    const { service } = await add(asked({}, await liveLogin()));
    const { id } = service.credential;
    await world.database.credential.update({ where: { id }, data: { settings: { roles: ['shop_a'] } } });
    await expect(registry.find({ environment: 'production', service: service.name })).rejects.toMatchObject({
      code: 'stored_settings_unreadable',
      message: expect.stringMatching(new RegExp(`${service.name} in production does not fit.*settings`)),
      details: { remedy: expect.any(String) },
    });
    await world.database.credential.update({ where: { id }, data: { settings: { ...service.credential.settings } } });
  });
});

describe('adding a service', () => {
  it('takes the login in use over as CURRENT, proven and unchanged', async () => {
    const login = await liveLogin();
    const before = await rolesNow();
    const { service, versions } = await add(asked({}, login));
    expect(versions).toMatchObject([{ slot: 'shop_a', label: 'CURRENT', verdict: 'accepted', target: target.target }]);
    const current = await world.vault.open(world.database, versions[0]!.id);
    expect(unwrapSecret(current.password)).toBe(unwrapSecret(login.password));
    const admin = await world.vault.openAdmin(world.database, service);
    expect(unwrapSecret(admin!.password)).toBe(unwrapSecret(target.admin.password));
    expect(await rolesNow()).toEqual(before);

    const events = await eventsOf(service.id);
    expect(events).toMatchObject([{ type: 'dsops.rotation.service.added.v1', data: { imported: true, actor } }]);
    for (const { password } of [login, target.admin])
      expect(JSON.stringify(events)).not.toContain(unwrapSecret(password));
    expect((await registry.find({ environment: 'production', service: service.name })).service).toEqual(service);
  });

  it('stores one without a current value, too: its first rotation makes one', async () => {
    const { service, versions } = await add(asked());
    expect(versions).toEqual([]);
    expect(await eventsOf(service.id)).toMatchObject([{ data: { imported: false } }]);
  });

  it('refuses a wrong password of the login in use', async () => {
    await liveLogin();
    const error = await refusal(asked({ current: { username: 'shop_a', password: 'canary-wrong-password' } }));
    expect([error.code, error.details.path]).toEqual(['current_refused', 'current.password']);
    expect(error.details.about).toBe('target');
  });

  it('refuses a login with which the verification fails', async () => {
    const login = await liveLogin();
    const credential = { ...asked().credential, verification: { query: target.failingQuery, timeout: '5s' } };
    const error = await refusal(asked({ credential }, login));
    expect([error.code, error.details.path]).toEqual(['current_refused', 'credential.verification.query']);
  });

  it('refuses a server that lets everybody in, with all that is wrong with it', async () => {
    await target.asSuperuser('DROP ROLE IF EXISTS anybody', 'CREATE ROLE anybody LOGIN');
    const credential = { ...asked().credential, slots: ['anybody', 'shop_b'] };
    const error = await refusal(asked({ credential, current: { username: 'anybody', password: 'whatever-it-is' } }));
    expect(['target_accepts_anybody', 'target_not_ready']).toContain(error.code);
    expect(JSON.stringify(error.message)).toMatch(/any password|every|anybody|trust/i);
    await target.asSuperuser('DROP ROLE anybody');
  });

  it('tries a wrong value itself, also where the inspection found nothing', async () => {
    const acceptsAll = Object.create(target.driver, {
      inspect: { value: async () => ({ findings: [], sessions: null }) },
      probe: { value: async () => ({ verdict: 'accepted', note: 'Logged in.', durationMs: 1 }) },
    }) as TargetDriver;
    const current = { username: 'shop_a', password: target.driver.generate() };
    const { credential } = aService();
    const candidate = { driver: acceptsAll, target: target.target, admin: target.admin, credential, current };
    await expect(checkTarget(candidate)).rejects.toMatchObject({ code: 'target_accepts_anybody' });
  });

  it.each<[string, () => Promise<AddService> | AddService]>([
    ['a wrong admin password', () => asked({ admin: { username: NAMES.admin, password: 'canary-wrong-admin' } })],
    ['a slot that does not exist', () => asked({ credential: { ...asked().credential, slots: ['shop_a', 'nobody'] } })],
    ['an owner that does not exist', () => asked({ credential: { ...asked().credential, owner: 'nobody' } })],
    ['a port at which nothing listens', () => asked({ target: { ...target.target, port: 1 } })],
    ['a database that does not exist', () => asked({ target: { ...target.target, database: 'nothing' } })],
  ])('refuses %s, with one sentence and what to do', async (_, body) => {
    const error = await refusal(await body());
    expect(error.message).toMatch(/^[A-Z].*\.$/s);
    expect(['refused', 'conflict', 'unavailable', 'invalid']).toContain(error.kind);
  });

  it('refuses a name that is taken, of those who come at once all but one', async () => {
    const body = asked();
    const answers = await Promise.all(
      [add(body), add(body), add(body)].map((answer) =>
        answer.then(
          () => 'added',
          (error: unknown) => (isDomainError(error) ? error.code : String(error)),
        ),
      ),
    );
    expect(answers.sort()).toEqual(['added', 'service_exists', 'service_exists']);
    expect((await refusal(body)).code).toBe('service_exists');
  });

  it('refuses a login that another service looks after, in whatever environment, and until that one is removed', async () => {
    const { service } = await add(asked());
    const body = asked({ environment: 'staging', credential: { ...asked().credential, slots: ['shop_b', 'shop_a'] } });
    const error = await refusal(body);
    expect(error).toMatchObject({ code: 'login_taken', kind: 'conflict', details: { path: 'credential.slots' } });
    expect(error.message).toContain(`${service.name} in production looks after shop_b and shop_a`);
    await registry.remove({ environment: 'production', service: service.name }, actor);
    expect((await add(body)).service.environment).toBe('staging');
  });

  it('knows one login by another name of its server', async () => {
    const { service } = await add(asked());
    const error = await refusal(asked({ environment: 'staging', target: { ...target.target, host: 'LocalHost' } }));
    expect(error.code).toBe('login_taken');
    expect(error.message).toContain(`${service.name} in production looks after shop_a and shop_b`);
  });

  it('takes no login that another service is administered with, and no administrator that another one rotates', async () => {
    const { service } = await add(asked());
    const becomes = async (admin: string, slot: string) => {
      const settings = { slots: [slot] };
      await execute(
        world.database,
        sql`update credentials set slots = ${[slot]}, settings = ${settings}::jsonb where service_id = ${service.id}`,
      );
      await execute(world.database, sql`update services set admin_username = ${admin} where id = ${service.id}`);
      return refusal(asked({ environment: 'staging' }));
    };
    expect((await becomes('shop_a', 'elsewhere')).message).toContain('is administered with shop_a');
    const error = await becomes('elsewhere', 'shop_admin');
    expect(error).toMatchObject({ code: 'login_taken', details: { path: 'admin.username' } });
    expect(error.message).toContain(`${service.name} in production rotates shop_admin`);
  });

  it('gives a login to one of several services that come for it at once', async () => {
    const bodies = [asked(), asked(), asked()];
    const codes = await Promise.all(
      bodies.map((body) =>
        add(body).then(
          () => 'added',
          (error: unknown) => (isDomainError(error) ? error.code : String(error)),
        ),
      ),
    );
    expect(codes.sort()).toEqual(['added', 'login_taken', 'login_taken']);
  });

  it('is refused while the installation is restored', async () => {
    await opened.installation.enterRestored('a test');
    expect((await refusal(asked())).code).toBe('installation_restored');
    await opened.installation.confirmRestore({ actor, reason: 'done', key: newId() });
  });
});

describe('removing a service', () => {
  it('changes nothing at the target, keeps the values sealed, and frees the name', async () => {
    const login = await liveLogin();
    const body = asked({}, login);
    const { service, versions } = await add(body);
    const before = await rolesNow();
    await registry.remove({ environment: 'production', service: body.name }, actor);
    expect(await rolesNow()).toEqual(before);
    expect(unwrapSecret((await world.vault.open(world.database, versions[0]!.id)).password)).toBe(
      unwrapSecret(login.password),
    );
    expect((await eventsOf(service.id)).map(({ type }) => type)).toEqual([
      'dsops.rotation.service.added.v1',
      'dsops.rotation.service.removed.v1',
    ]);
    await expect(registry.find({ environment: 'production', service: body.name })).rejects.toMatchObject({
      code: 'service_unknown',
    });
    await expect(registry.remove({ environment: 'production', service: body.name }, actor)).rejects.toMatchObject({
      code: 'service_unknown',
    });
    expect((await add(body)).service.id).not.toBe(service.id);
  });

  it('is refused while a rotation is open', async () => {
    const body = asked();
    await add(body);
    open = { id: newId(), state: 'verifying' };
    const removed = registry.remove({ environment: 'production', service: body.name }, actor);
    await expect(removed).rejects.toMatchObject({ code: 'rotation_open', kind: 'conflict' });
    open = null;
    await registry.remove({ environment: 'production', service: body.name }, actor);
  });
});

describe('listing services', () => {
  it('shows those of an environment by name', async () => {
    const environment = `env-${newId().slice(-6)}`;
    const inPlace = (slot: string) => ({ ...asked().credential, strategy: 'immediate' as const, slots: [slot] });
    await add(asked({ environment, name: 'b', credential: inPlace('shop_a') }));
    await add(asked({ environment, name: 'a', credential: inPlace('shop_b') }));
    const namesIn = async (of?: string) =>
      (await registry.list({ environment: of, limit: 50 })).items.map(({ service }) => service.name);
    expect(await namesIn(environment)).toEqual(['a', 'b']);
    expect(await namesIn()).toEqual(['a', 'b']);
    expect(await namesIn('nowhere')).toEqual([]);
  });
});
