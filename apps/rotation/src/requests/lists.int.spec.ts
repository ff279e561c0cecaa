import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServiceStatus } from '@dsops/contracts/rotation/api';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/rotation';
import { newId } from '@dsops/kernel';
import { startFaultProxy, statementsIn, type FaultProxy } from '@dsops/testing';
import { openInstallation } from '../installation/installation.fixture.js';
import { noOpenRotations } from '../open-rotations.js';
import { Drivers } from '@dsops/drivers';
import { RegistryService } from '../registry/registry.service.js';
import type { RegisteredService } from '../registry/service.js';
import { RotationRepository, type RotationRow } from '../run/rotation.repository.js';
import { openRotationDatabase, type RotationDatabase } from '../vault/rotation-database.fixture.js';
import { RotationQueries } from './rotation-query.service.js';
import { CheckOutRepository } from '../check-out/check-out.repository.js';
import { StatusRepository } from './status.repository.js';

const rotations = new RotationRepository();
let world: RotationDatabase;
let proxy: FaultProxy;
/** With one connection, through the proxy: what it sends can be counted. */
let watched: PrismaClient;
let opened: Awaited<ReturnType<typeof openInstallation>>;
let registry: RegistryService;
let queries: RotationQueries;

beforeAll(async () => {
  world = await openRotationDatabase();
  opened = await openInstallation(world);
  proxy = await startFaultProxy(world.test.options);
  const { host, port } = proxy;
  watched = connect(PrismaClient, 'rotation', { ...world.test.options, host, port, poolSize: 1 });
  registry = new RegistryService({
    database: watched,
    units: world.units,
    registry: world.registry,
    vault: world.vault,
    installation: opened.installation,
    drivers: new Drivers(),
    openRotations: noOpenRotations,
  });
  queries = new RotationQueries({
    database: watched,
    rotations,
    statuses: new StatusRepository(),
    checkOuts: new CheckOutRepository(),
  });
});
afterEach(() => world.database.service.updateMany({ data: { removedAt: new Date() } }));
afterAll(async () => {
  await watched.$disconnect();
  await proxy.close();
  await world.close();
  await opened.close();
});

/** A rotation that ended before it began, as a queued one does whose turn came in vain. */
const refusedRotation = ({ id, credential }: RegisteredService): RotationRow => ({
  id: newId(),
  serviceId: id,
  credentialId: credential.id,
  strategy: 'two-key',
  trigger: 'manual',
  requestedBy: { kind: 'user', id: 'u1', name: 'Ann' },
  reason: null,
  isQueued: false,
  state: 'failed',
  isSettled: true,
  seq: 0,
  fence: 0n,
  wakeAt: null,
  startedAt: new Date('2026-11-21T12:00:00.000Z'),
  endedAt: new Date('2026-11-21T12:00:00.000Z'),
  sighting: null,
  refusal: { code: 'service_removed', message: 'It was removed.', remedy: null },
});

async function addServices(count: number, environment = 'production'): Promise<void> {
  for (let nth = 0; nth < count; nth++) {
    const service = await world.addService({ environment, name: `s${String(nth).padStart(3, '0')}` });
    await world.addVersion(service, 'CURRENT');
    await world.addVersion(service, 'PREVIOUS', newId(), 'shop_b');
    await world.database.$transaction((tx) => rotations.insert(tx, refusedRotation(service), null));
  }
}

async function statementsOf(work: () => Promise<unknown>): Promise<number> {
  const before = statementsIn(proxy.sent());
  await work();
  return statementsIn(proxy.sent()) - before;
}

describe('a page of a list', () => {
  it('costs as many statements for 50 services as for 5', async () => {
    const costs = async () => [
      await statementsOf(() => queries.status({ limit: 200 })),
      await statementsOf(() => registry.list({ limit: 200 })),
      await statementsOf(() => registry.environments({ limit: 200 })),
      await statementsOf(() => queries.list({ limit: 200 })),
    ];
    await queries.status({ limit: 1 });
    await addServices(5);
    const few = await costs();
    expect(few[0]).toBe(1);
    await addServices(45, 'staging');
    expect(await costs()).toEqual(few);
    expect((await queries.status({ limit: 200 })).items).toHaveLength(50);
    for (const { versions } of (await registry.list({ limit: 200 })).items) expect(versions).toHaveLength(2);
  });

  it('goes on behind the one before, whatever was added or removed in between', async () => {
    await addServices(3, 'b');
    const first = await registry.list({ limit: 2 });
    await addServices(1, 'a');
    await world.database.service.updateMany({ where: { name: 's001' }, data: { removedAt: new Date() } });
    const second = await registry.list({ limit: 2, cursor: first.next! });
    const names = [...first.items, ...second.items].map(
      ({ service: { environment, name } }) => `${environment}/${name}`,
    );
    expect(names).toEqual(['b/s000', 'b/s001', 'b/s002']);
    expect(second.next).toBeNull();
  });

  it('orders by environment before name', async () => {
    await addServices(2, 'b');
    await addServices(2, 'a');
    const seen: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page: { items: ServiceStatus[]; next: string | null } = await queries.status({
        limit: 1,
        ...(cursor && { cursor }),
      });
      seen.push(...page.items.map(({ environment, service_name }) => `${environment}/${service_name}`));
      cursor = page.next;
    }
    expect(seen).toEqual(['a/s000', 'a/s001', 'b/s000', 'b/s001']);
    const environments = await registry.environments({ limit: 1 });
    expect(environments.items).toEqual([{ name: 'a' }]);
    expect((await registry.environments({ limit: 1, cursor: environments.next! })).items).toEqual([{ name: 'b' }]);
  });

  it('shows the newest versions of each service and those with a label', async () => {
    const service = await world.addService();
    const current = await world.addVersion(service, 'CURRENT');
    for (let nth = 0; nth < 25; nth++) {
      const { id } = await world.addVersion(service, 'PENDING');
      await world.database.version.update({ where: { id }, data: { label: null } });
    }
    const [listed] = (await registry.list({ limit: 1 })).items;
    expect(listed?.versions).toHaveLength(21);
    expect(listed).toEqual(await registry.find({ environment: service.environment, service: service.name }));
    expect(listed?.versions.at(-1)).toEqual(expect.objectContaining({ id: current.id, label: 'CURRENT' }));
  });
});

describe('the status', () => {
  it('says why a rotation failed that never began', async () => {
    await addServices(1);
    expect((await queries.status({ limit: 1 })).items).toMatchObject([
      {
        status: 'failed',
        last_rotation: '2026-11-21T12:00:00.000Z',
        last_error: 'It was removed.',
        rotation_count: 1,
        failure_count: 1,
        success_count: 0,
      },
    ]);
  });

  it('of a page that nobody can name is refused', () =>
    expect(queries.status({ limit: 1, cursor: 'x' })).rejects.toMatchObject({ code: 'cursor_invalid' }));
});
