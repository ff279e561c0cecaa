import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '@dsops/platform';
import { openEngine, type Engine } from '../run/engine.fixture.js';
import { driversWith } from '@dsops/drivers';
import type { RegisteredService } from '../registry/service.js';
import type { Probe, TargetDriver } from '@dsops/drivers/driver';
import { startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { RestoredProbes } from './restored-probes.service.js';

let target: PostgresqlWorld;
let engine: Engine;
beforeAll(async () => {
  target = await startPostgresqlWorld();
  engine = await openEngine(target);
});
beforeEach(() => target.reset());
afterAll(async () => {
  await engine?.close();
  await target?.close();
});

/** Logins in order of attempts, so that nothing is tried more often than it has to be. */
const tried: string[] = [];
const watched = (answer?: Probe): TargetDriver =>
  new Proxy(target.driver, {
    get: (driver, name, receiver) => {
      if (name !== 'probe') return Reflect.get(driver, name, receiver) as unknown;
      return async (...args: Parameters<TargetDriver['probe']>) => {
        tried.push(args[1].username);
        return answer ?? driver.probe(...args);
      };
    },
  });

function probes(driver: TargetDriver): RestoredProbes {
  tried.length = 0;
  const { database, units, registry, versions, vault, installation } = engine;
  const logger = createLogger({ service: 'rotation', level: 'silent' });
  return new RestoredProbes({
    database,
    units,
    registry,
    versions,
    vault,
    installation,
    drivers: driversWith([driver]),
    logger,
  });
}

const statusOf = async (service: RegisteredService) => {
  const [status] = (await engine.queries.status({ ...engine.place(service), limit: 1 })).items;
  const { name } = await engine.current(service);
  return { status: status?.status, verdict: status?.target[name] ?? null, error: status?.last_error };
};

it('an installation in mode normal tries no value without need', async () => {
  await engine.addLive();
  await probes(watched()).look();
  expect(tried).toEqual([]);
});

describe('a restored installation', () => {
  // What the test before has left has its answer then, and is not asked for again.
  beforeAll(async () => {
    await engine.installation.enterRestored('a test');
    await probes(watched()).look();
  });

  it('finds out that a value is refused, tells it, and asks once', async () => {
    const service = await engine.addLive();
    await target.asSuperuser(`ALTER ROLE shop_a PASSWORD 'replaced after the copy was made'`);
    const looking = probes(watched());
    await looking.look();
    expect(await statusOf(service)).toEqual({
      status: 'needs_operator',
      verdict: 'refused',
      error: expect.stringMatching(/^The target refuses .*, which is CURRENT here\.$/),
    });
    await looking.look();
    expect(tried).toEqual(['shop_a']);
  });

  it('finds out that a value works, with a wrong one beside it', async () => {
    const service = await engine.addLive();
    await probes(watched()).look();
    expect(await statusOf(service)).toMatchObject({ status: 'never_rotated', verdict: 'accepted' });
    expect(tried).toEqual(['shop_a', 'shop_a']);
  });

  it('believes no target that lets everybody in, and asks again one that did not answer', async () => {
    const service = await engine.addLive();
    await probes(watched({ verdict: 'accepted', note: '', durationMs: 1 })).look();
    expect(await statusOf(service)).toMatchObject({ verdict: 'inconclusive' });
    await probes(watched({ verdict: 'errored', note: '', durationMs: 1 })).look();
    expect(await statusOf(service)).toMatchObject({ verdict: 'errored' });
    await probes(watched()).look();
    expect(await statusOf(service)).toMatchObject({ verdict: 'accepted' });
  });
});
