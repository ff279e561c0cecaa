import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { slotsNamed } from '../vault/rotation-database.fixture.js';
import type { Strategy } from '@dsops/contracts/rotation/strategies';
import { eventually } from '@dsops/testing';
import { startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { openEngine, PATIENCE_MS, type Engine } from './engine.fixture.js';
import { pausedDriver, type StandStill } from './paused-driver.fixture.js';
import type { RotationWorker } from './rotation.worker.js';

let target: PostgresqlWorld;
let engine: Engine;
let paused: ReturnType<typeof pausedDriver>;
let workers: RotationWorker[] = [];

beforeAll(async () => {
  target = await startPostgresqlWorld();
  paused = pausedDriver(target.driver);
  engine = await openEngine(target, paused.driver);
});
beforeEach(() => target.reset());
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  workers = [];
});
afterAll(async () => {
  await engine?.close();
  await target?.close();
});

const facts = (strategy: Strategy): Parameters<Engine['addLive']>[0] =>
  strategy === 'immediate' ? { slots: slotsNamed('shop_a'), settings: { slots: ['shop_a'] }, strategy } : { strategy };
const startWorker = (...options: Parameters<Engine['startWorker']>): void =>
  void workers.push(engine.startWorker(...options));

const both = (call: StandStill['call'], nth = 1): StandStill[] => [
  { call, nth, when: 'before' },
  { call, nth, when: 'after' },
];
const CELLS: Record<Strategy, StandStill[]> = {
  'two-key': [...both('openSession'), ...both('set'), ...both('openSession', 2), ...both('retire')],
  immediate: [...both('openSession'), ...both('set')],
};
const cells = (['two-key', 'immediate'] as const).flatMap((strategy) =>
  CELLS[strategy].map((at) => ({ strategy, at, name: `${at.when} ${at.call} ${at.nth}` })),
);

describe('a worker that is suspended, and woken when another one has finished its rotation', () => {
  it.each(cells)('changes nothing more: $strategy, $name', async ({ strategy, at }) => {
    const service = await engine.addLive(facts(strategy));
    paused.arm(at);
    startWorker();
    const { id } = await engine.start(service);
    await eventually(() => expect(paused.hasStopped()).toBe(true), PATIENCE_MS);
    // The lease of the suspended worker is not waited for; the fence is what keeps it out.
    startWorker({ takesOver: true });
    await engine.until(id, 'completed');
    const [current, ...others] = await engine.accepted(service);
    expect(others).toEqual([]);
    expect(current).toBe((await engine.current(service)).name);
    const before = (await engine.rotations.find(engine.database, id))?.row.seq;

    paused.wake();
    await Promise.all(workers.map((worker) => worker.stop()));
    expect(await engine.accepted(service)).toEqual([current]);
    expect((await engine.rotations.find(engine.database, id))?.row.seq).toBe(before);
  });
});

describe('an answer that is lost', () => {
  it.each([
    { kind: 'lose-answer', strategy: 'two-key' },
    { kind: 'lose-request', strategy: 'two-key' },
    { kind: 'hold-request', strategy: 'two-key' },
    { kind: 'lose-answer', strategy: 'immediate' },
    { kind: 'hold-request', strategy: 'immediate' },
  ] as const)('is a state to be probed: $kind, $strategy', async ({ kind, strategy }) => {
    const service = await engine.addLive(facts(strategy));
    const fired = target.proxy.fired.length;
    // In the one statement that brings a value, and in no plan.
    target.proxy.arm({ kind, when: 'SCRAM-SHA-256$', client: 'reset' });
    startWorker();
    const { id } = await engine.start(service);
    const view = await engine.until(id, 'completed');
    expect(target.proxy.fired).toHaveLength(fired + 1);
    if (kind === 'hold-request') target.proxy.release();
    const current = await engine.current(service);
    expect(await engine.accepted(service)).toEqual([current.name]);
    expect(view.newVersion).toBe(current.name);
    // One value per rotation: whatever was sent again was the same.
    expect(await engine.versionsOf(service)).toHaveLength(2);
  });

  it('while the target is gone for a while, the rotation waits and then goes on by itself', async () => {
    const service = await engine.addLive();
    paused.arm({ call: 'set', nth: 1, when: 'after' });
    startWorker();
    const { id } = await engine.start(service);
    await eventually(() => expect(paused.hasStopped()).toBe(true), PATIENCE_MS);
    await target.proxy.refuse();
    paused.wake();
    await eventually(async () => {
      const entries = await engine.database.rotationEntry.findMany({ where: { rotationId: id, kind: 'again' } });
      expect(entries.length).toBeGreaterThan(0);
    }, PATIENCE_MS);
    expect((await engine.queries.find(id)).state).toBe('verifying');
    await target.proxy.reopen();
    await engine.until(id, 'completed');
    expect(await engine.accepted(service)).toEqual([(await engine.current(service)).name]);
  });
});
