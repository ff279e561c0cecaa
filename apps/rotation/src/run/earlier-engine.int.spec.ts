import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually } from '@dsops/testing';
import { startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { ENGINE_VERSION, type Plan, type VersionRef } from '../engine/plan.js';
import { slotsNamed } from '../vault/rotation-database.fixture.js';
import { openEngine, PATIENCE_MS, type Engine } from './engine.fixture.js';
import { pausedDriver, type StandStill } from './paused-driver.fixture.js';
import type { RotationWorker } from './rotation.worker.js';

let target: PostgresqlWorld;
let engine: Engine;
let paused: ReturnType<typeof pausedDriver>;
/** Of our own database, past the role that may not rewrite a journal. */
let owner: pg.Client;
let workers: RotationWorker[] = [];

beforeAll(async () => {
  target = await startPostgresqlWorld();
  paused = pausedDriver(target.driver);
  engine = await openEngine(target, paused.driver);
  owner = new pg.Client({ connectionString: engine.test.adminUrl });
  await owner.connect();
});
beforeEach(() => target.reset());
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  workers = [];
});
afterAll(async () => {
  await owner?.end();
  await engine?.close();
  await target?.close();
});

type Credential = Parameters<Engine['addLive']>[0];
const IN_PLACE: Credential = { slots: slotsNamed('shop_a'), settings: { slots: ['shop_a'] }, strategy: 'immediate' };
/** Only the first slot passes, so that a rotation to the second one goes back. */
const FAILING = { check: { query: `SELECT 1 / (session_user = 'shop_a')::int` }, timeoutMs: 5_000 };

/** The rotation is brought to this call, and the worker of it stands still. */
async function upTo(
  at: StandStill,
  credential: Credential,
): Promise<{ id: string; versions: () => Promise<string[]> }> {
  const service = await engine.addLive(credential);
  paused.arm(at);
  workers.push(engine.startWorker());
  const { id } = await engine.start(service);
  await eventually(() => expect(paused.hasStopped()).toBe(true), PATIENCE_MS);
  return { id, versions: () => engine.accepted(service) };
}

/** The row and the journal as version 1 of the engine writes them. */
async function writtenByVersion1(id: string): Promise<void> {
  await owner.query('update rotation.rotations set engine_version = 1 where id = $1', [id]);
  const { rows } = await owner.query<{ entry: { plan: Plan } }>(
    `select entry from rotation.rotation_journal where rotation_id = $1 and kind = 'planned'`,
    [id],
  );
  for (const { entry } of rows)
    await owner.query(`update rotation.rotation_journal set entry = $2 where rotation_id = $1 and kind = 'planned'`, [
      id,
      { ...entry, plan: planOfVersion1(entry.plan) },
    ]);
  await owner.query(
    `update rotation.rotation_journal set entry = jsonb_set(entry, '{path}', '"two-key-undo"')
       where rotation_id = $1 and kind = 'turned'`,
    [id],
  );
}

function planOfVersion1({ shape: _, newVersion, oldVersion, occupant, verification, ...plan }: Plan): object {
  const { check, timeoutMs } = verification;
  const ref = (version: VersionRef | null) => version && { id: version.id, name: version.name, slot: version.slot };
  return {
    ...{ ...plan, engineVersion: 1, owner: 'shop_owner', verification: { query: check['query'], timeoutMs } },
    ...{ newVersion: ref(newVersion), oldVersion: ref(oldVersion), occupant: ref(occupant) },
  };
}

const engineVersion = async (id: string): Promise<number> =>
  (await engine.database.rotation.findUniqueOrThrow({ where: { id } })).engineVersion;

describe('a rotation that a process with version 1 of the engine began', () => {
  it.each([
    { at: { call: 'set', nth: 1, when: 'before' }, credential: {}, name: 'two slots, before the set' },
    { at: { call: 'retire', nth: 1, when: 'after' }, credential: {}, name: 'two slots, after the retire' },
    { at: { call: 'set', nth: 1, when: 'after' }, credential: IN_PLACE, name: 'in place, after the set' },
  ] as const)('is taken over and completed: $name', async ({ at, credential }) => {
    const { id, versions } = await upTo(at, credential);
    await writtenByVersion1(id);
    workers.push(engine.startWorker({ takesOver: true }));
    const { newVersion } = await engine.until(id, 'completed');
    expect(await versions()).toEqual([newVersion]);
    // The process that stood still is of version 1, say: it takes no rotation that has gone on under another one.
    expect(await engineVersion(id)).toBe(ENGINE_VERSION);
    paused.wake();
  });

  it('is brought back on the way on which it was', async () => {
    const { id, versions } = await upTo({ call: 'retire', nth: 1, when: 'before' }, { verification: FAILING });
    await writtenByVersion1(id);
    workers.push(engine.startWorker({ takesOver: true }));
    const { previousVersion } = await engine.until(id, 'rolled_back');
    expect(await versions()).toEqual([previousVersion]);
    paused.wake();
  });

  it('is left alone when a later engine has it', async () => {
    const { id } = await engine.start(await engine.addLive());
    const turns = engine.turns();
    await owner.query('update rotation.rotations set engine_version = $2 where id = $1', [id, ENGINE_VERSION + 1]);
    expect(await turns.claim(1_000)).toBeNull();
    await owner.query('update rotation.rotations set engine_version = $2 where id = $1', [id, ENGINE_VERSION]);
    expect(await turns.claim(1_000)).toMatchObject({ rotationId: id });
  });
});
