import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { eventually } from '@dsops/testing';
import { openEngine, type Engine } from './engine.fixture.js';
import type { Lease } from './rotation.repository.js';

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

/**
 * A rotation that is claimed by one worker, and then by another one because the lease of the first is over. Nothing was
 * written in between, so that its `seq` is what both have seen, and it is not settled: only the fence tells them apart.
 */
async function claimedTwice() {
  const service = await engine.addLive();
  const { id } = await engine.start(service);
  const former = engine.turns();
  const present = engine.turns();
  const claim = (turns: typeof former, leaseMs: number): Promise<Lease> =>
    eventually(async () => {
      const lease = await turns.claim(leaseMs);
      if (lease?.rotationId !== id) throw new Error('It cannot be claimed yet.');
      return lease;
    });
  const formerLease = await claim(former, 1);
  const presentLease = await claim(present, 600_000);
  expect(presentLease.fence).toBeGreaterThan(formerLease.fence);
  return { id, former, formerLease, present, presentLease };
}

const load = async (id: string) => {
  const loaded = await engine.rotations.find(engine.database, id);
  if (!loaded?.rotation) throw new Error('It has not begun.');
  return { row: loaded.row, rotation: loaded.rotation };
};

describe('the fence of a lease', () => {
  it('keeps out who has lost it, though nobody has written since', async () => {
    const { id, former, formerLease } = await claimedTwice();
    const before = await load(id);
    expect(await former.take(formerLease, null, null)).toEqual({ kind: 'over', wakeAt: null, reportedAs: null });
    expect(await load(id)).toEqual(before);
  });

  it('lets in who has it now', async () => {
    const { id, present, presentLease } = await claimedTwice();
    const before = await load(id);
    expect(await present.take(presentLease, null, null)).toMatchObject({ kind: 'perform', effect: { do: 'probe' } });
    expect((await load(id)).row.seq).toBeGreaterThan(before.row.seq);
  });

  it('stands in the write itself, for who was let in before it was lost', async () => {
    const { id, formerLease, presentLease } = await claimedTwice();
    const { row, rotation } = await load(id);
    const happening = { kind: 'waiting', untilMs: 0, reason: 'a test' } as const;
    const entry = { seq: row.seq + 1, atMs: rotation.lastAtMs, ...happening };
    const append = (fence: bigint) =>
      engine.rotations.append(
        engine.database,
        { id, fromSeq: row.seq, entries: [entry], after: { ...rotation, seq: entry.seq }, fence },
        { kind: 'as-it-is' },
      );
    expect(await append(formerLease.fence)).toBe(false);
    expect((await load(id)).row.seq).toBe(row.seq);
    expect(await append(presentLease.fence)).toBe(true);
  });
});
