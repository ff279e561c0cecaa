import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { NAMES, startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { eventually } from '@dsops/testing';
import { ann, openEngine, PATIENCE_MS, type Engine } from '../run/engine.fixture.js';
import { pausedDriver } from '../run/paused-driver.fixture.js';
import type { RotationWorker } from '../run/rotation.worker.js';
import type { RegisteredService } from '../registry/service.js';

let target: PostgresqlWorld;
let paused: ReturnType<typeof pausedDriver>;
let engine: Engine;
let workers: RotationWorker[] = [];

beforeAll(async () => {
  target = await startPostgresqlWorld();
  paused = pausedDriver(target.driver);
  engine = await openEngine(target, paused.driver);
}, 60_000);
beforeEach(() => target.reset());
afterEach(async () => {
  paused.wake();
  await Promise.all(workers.map((worker) => worker.stop()));
  workers = [];
});
afterAll(async () => {
  await engine.close();
  await target.close();
});

const startWorker = (): void => void workers.push(engine.startWorker({ takesOver: true }));
const letAdministratorIn = (is: boolean) => target.asSuperuser(`ALTER ROLE ${NAMES.admin} ${is ? 'LOGIN' : 'NOLOGIN'}`);

/** A rotation whose worker stood still right after its command was sent; nobody lets the administrator in any more. */
async function stuckAfterSending(): Promise<{ service: RegisteredService; id: string }> {
  const service = await engine.addLive();
  paused.arm({ call: 'set', nth: 1, when: 'before' });
  const stands = engine.startWorker();
  workers.push(stands);
  const { id } = await engine.start(service);
  await eventually(() => expect(paused.hasStopped()).toBe(true), PATIENCE_MS);
  await letAdministratorIn(false);
  startWorker();
  await eventually(async () => {
    const { rotation } = (await engine.rotations.find(engine.database, id))!;
    if (!rotation || rotation.tries === 0) throw new Error('It goes on.');
  }, PATIENCE_MS);
  return { service, id };
}

describe('abandoning a rotation', () => {
  it('is refused while it goes on by itself, or has ended', async () => {
    const service = await engine.addLive();
    const { id } = await engine.start(service);
    await expect(engine.abandon(id)).rejects.toMatchObject({ code: 'not_stuck', kind: 'conflict' });
    startWorker();
    await engine.until(id, 'completed');
    await expect(engine.abandon(id)).rejects.toMatchObject({ code: 'not_stuck' });
  });

  it('frees the credential, keeps every value, and claims nothing about the target', async () => {
    const { service, id } = await stuckAfterSending();
    await engine.abandon(id, 'the server is gone');
    expect(await engine.queries.find(id)).toMatchObject({
      state: 'failed',
      error: { code: 'abandoned', message: 'Ann gave it up: the server is gone' },
    });
    const versions = await engine.versionsOf(service);
    expect(versions).toHaveLength(2);
    for (const { id: versionId, verdict, endedAt } of versions) {
      expect([verdict, endedAt]).toEqual(['inconclusive', null]);
      await engine.vault.open(engine.database, versionId);
    }
    expect(await engine.events(service)).toContainEqual({
      type: 'dsops.rotation.rotation.abandoned.v1',
      data: expect.objectContaining({ reason: 'the server is gone', actor: ann }),
    });
    await letAdministratorIn(true);
  });

  it('leaves what was sent to the next rotation, which ends that session before it looks at anything', async () => {
    const { service, id } = await stuckAfterSending();
    const { session } = (await engine.rotations.find(engine.database, id))!.rotation!;
    await engine.abandon(id);
    await letAdministratorIn(true);
    // The worker that stood still may send now what it had journalled: its session has to be gone by then.
    const next = await engine.start(service);
    await engine.until(next.id, 'completed');
    const { rotation, row } = (await engine.rotations.find(engine.database, next.id))!;
    expect(rotation!.plan.unanswered).toMatchObject({ identity: session!.identity });
    const [first] = (
      await engine.database.rotationEntry.findMany({ where: { rotationId: row.id }, orderBy: { seq: 'asc' } })
    ).flatMap(({ kind, entry }) => (kind === 'intended' ? [entry] : []));
    expect(first).toMatchObject({ effect: { do: 'end-session', identity: session!.identity } });

    paused.wake();
    await Promise.all(workers.map((worker) => worker.stop()));
    const [current, ...others] = await engine.accepted(service);
    expect([current, others]).toEqual([(await engine.current(service)).name, []]);
  });

  it('lets the service be removed', async () => {
    const { service, id } = await stuckAfterSending();
    await engine.abandon(id);
    await engine.registryService.remove(engine.place(service), ann);
    await letAdministratorIn(true);
  });
});
