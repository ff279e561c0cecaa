import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { newId } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import type { RegisteredService } from '../registry/service.js';
import { openRotationDatabase, type RotationDatabase } from '../vault/rotation-database.fixture.js';
import { RotationRepository } from './rotation.repository.js';

let world: RotationDatabase;
let watcher: pg.Client;
const rotations = new RotationRepository();
beforeAll(async () => {
  world = await openRotationDatabase();
  watcher = new pg.Client({ connectionString: world.test.adminUrl });
  await watcher.connect();
});
afterAll(async () => {
  await watcher.end();
  await world.close();
});

const add = async ({ id: serviceId, credential }: RegisteredService, isQueued: boolean): Promise<string> => {
  const id = newId();
  const startedAt = new Date('2026-11-21T12:00:00Z');
  await rotations.insert(
    world.database,
    {
      ...{ id, serviceId, credentialId: credential.id, strategy: 'two-key', trigger: 'manual', reason: null, isQueued },
      ...{
        requestedBy: { kind: 'user', id: 'u1', name: 'Ann' },
        state: 'pending',
        isSettled: false,
        seq: 0,
        fence: 0n,
      },
      ...{ wakeAt: null, startedAt, endedAt: null, refusal: null, sighting: null },
    },
    null,
  );
  return id;
};

/** Sessions of this database that wait for a row of another one. */
const waiting = async (): Promise<number> => {
  const { rowCount } = await watcher.query(
    `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rowCount ?? 0;
};

describe('the open rotation of a credential', () => {
  it('is the next in the queue when the one that was waited for has settled and opened it', async () => {
    const service = await world.addService();
    const first = await add(service, false);
    const next = await add(service, true);
    const asked: Promise<string | undefined>[] = [];
    await world.database.$transaction(async (worker) => {
      await rotations.lock(worker, first);
      asked.push(
        world.database.$transaction(
          async (person) => (await rotations.lockOpen(person, service.credential.id))?.row.id,
        ),
      );
      await eventually(async () => expect(await waiting()).toBe(1));
      await worker.rotation.update({ where: { id: first }, data: { isSettled: true } });
      await worker.rotation.update({ where: { id: next }, data: { isQueued: false } });
    });
    expect(await asked[0]).toBe(next);
  });

  it('is none when the last one has settled', async () => {
    const service = await world.addService();
    const only = await add(service, false);
    await world.database.rotation.update({ where: { id: only }, data: { isSettled: true } });
    expect(await rotations.lockOpen(world.database, service.credential.id)).toBeNull();
  });
});
