import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execute, sql } from '@dsops/database';
import type { Unit } from '@dsops/messaging';
import { startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import type { Tx } from '../database/tx.js';
import { ann, openEngine, type Engine } from './engine.fixture.js';
import type { RotationWorker } from './rotation.worker.js';

let target: PostgresqlWorld;
let engine: Engine;
let worker: RotationWorker;

beforeAll(async () => {
  target = await startPostgresqlWorld();
  engine = await openEngine(target);
});
beforeEach(async () => {
  await target.reset();
  worker = engine.startWorker({ lookEveryMs: 600_000 });
});
afterEach(() => worker.stop());
afterAll(async () => {
  await engine?.close();
  await target?.close();
});

/** A worker that is rung before the commit has looked, and gone back to sleep, long before it comes. */
const committedSlowly = <R>(work: (unit: Unit<Tx>) => Promise<R>): Promise<R> =>
  engine.units.run(async (unit) => {
    const answer = await work(unit);
    await execute(unit.tx, sql`select pg_sleep(0.3)`);
    return answer;
  });

describe('a worker that looks by itself every ten minutes', () => {
  it('begins a rotation when it is asked for', async () => {
    const service = await engine.addLive();
    const planned = await engine.planning.plan(engine.place(service), undefined);
    const facts = {
      onConflict: 'reject',
      digest: undefined,
      reason: null,
      acceptsBreaking: false,
      trigger: 'manual',
      actor: ann,
    } as const;
    const { id } = await committedSlowly((unit) => engine.service.start(unit, { planned, ...facts }));
    expect((await engine.until(id, 'completed')).error).toBeNull();
  });

  it('turns a rotation that waits when somebody asks for its way back', async () => {
    const service = await engine.addLive({ gracePeriod: '1h', gracePeriodMs: 3_600_000 });
    const { id } = await engine.start(service);
    await engine.waiting(id);
    await committedSlowly((unit) =>
      engine.service.rollBack(unit, { place: engine.place(service), version: undefined, reason: 'a test', actor: ann }),
    );
    expect((await engine.until(id, 'rolled_back')).newVersion).not.toBeNull();
  });
});
