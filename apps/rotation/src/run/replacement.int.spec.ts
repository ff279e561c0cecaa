import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execute, sql } from '@dsops/database';
import { startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { eventually } from '@dsops/testing';
import { openEngine, PATIENCE_MS, type Engine } from './engine.fixture.js';

let target: PostgresqlWorld;
let engine: Engine;
beforeAll(async () => {
  target = await startPostgresqlWorld();
  engine = await openEngine(target);
  engine.startWorker();
}, 60_000);
beforeEach(() => target.reset());
afterAll(async () => {
  await engine.close();
  await target.close();
});

describe('a value whose replacement is gone from the vault', () => {
  it('is not ended, though the journal knows the replacement as sealed and proven', async () => {
    const service = await engine.addLive({ consumers: 'managed', gracePeriod: '3s' });
    const before = await engine.current(service);
    const { id } = await engine.start(service);
    await eventually(async () => expect((await engine.current(service)).id).not.toBe(before.id), PATIENCE_MS);
    const { id: versionId } = await engine.current(service);
    await execute(engine.database, sql`delete from sealed_values where owner_id = ${versionId}`);
    const view = await engine.until(id, 'needs_operator');
    expect(view.error).toMatchObject({ code: 'value_destroyed' });
    expect(await target.canLogIn(await engine.vault.open(engine.database, before.id))).toBe(true);
  });
});
