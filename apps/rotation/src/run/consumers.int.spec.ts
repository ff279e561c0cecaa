import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { execute, query, sql } from '@dsops/database';
import { isDomainError, unwrapSecret } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import { startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import type { RegisteredService } from '../registry/service.js';
import { slotsNamed } from '../vault/rotation-database.fixture.js';
import { ann, openEngine, PATIENCE_MS, type Engine } from './engine.fixture.js';
import type { RotationWorker } from './rotation.worker.js';

let target: PostgresqlWorld;
let engine: Engine;
let worker: RotationWorker;
const pools: pg.Client[] = [];

beforeAll(async () => {
  target = await startPostgresqlWorld();
  engine = await openEngine(target);
});
beforeEach(async () => {
  await target.reset();
  worker = engine.startWorker();
});
afterEach(async () => {
  await worker.stop();
  for (const pool of pools.splice(0)) await pool.end().catch(() => undefined);
});
afterAll(async () => {
  await engine?.close();
  await target?.close();
});

const UNMANAGED = { consumers: 'unmanaged' } as const;
const IN_PLACE = { slots: slotsNamed('shop_a'), settings: { slots: ['shop_a'] }, strategy: 'immediate' } as const;

/** An application that was given the value in use by hand, and keeps a session. */
async function pool(of: RegisteredService, application = 'billing'): Promise<pg.Client> {
  const { username, password } = await engine.vault.open(engine.database, (await engine.current(of)).id);
  const { host, port, database } = target.target;
  const client = new pg.Client({
    ...{ host, port, database, user: username, password: unwrapSecret(password), application_name: application },
  });
  client.on('error', () => undefined);
  await client.connect();
  pools.push(client);
  return client;
}
/** The rotation waits for a word, and has seen these applications. */
const waitsWith = (id: string, ...applications: string[]) =>
  eventually(async () => {
    const view = await engine.queries.find(id);
    expect(view.held?.consumers?.sessions.map(({ application }) => application)).toEqual(applications);
    expect(view.waitsFor?.reason).toMatch(/a word that nobody uses shop_a any more/);
    return view;
  }, PATIENCE_MS);
/** It looks again now. */
const lookAgain = (id: string) =>
  execute(
    engine.database,
    sql`update rotations set wake_at = now(),
          sighting = jsonb_set(sighting, '{atMs}', to_jsonb((sighting->>'atMs')::float8 - 30000)) where id = ${id}`,
  );
/** Brings a rotation that waits to its end, so that it does nothing to the roles any more. */
async function back(of: RegisteredService, id: string): Promise<void> {
  await engine.waiting(id);
  await engine.rollBack(of);
  await engine.until(id, 'rolled_back');
  if (of.credential.consumers === 'unmanaged') {
    await eventually(async () => expect((await engine.queries.find(id)).held).not.toBeNull(), PATIENCE_MS);
    await engine.clear(of, id);
  }
  await engine.settled(id);
}
const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (isDomainError(error)) return error.code;
    throw error;
  }
};
const holds = async (of: RegisteredService, id: string, ttlMs = 3_600_000) => {
  const { id: versionId } = await engine.current(of);
  const times = { grantedAt: new Date(), expiresAt: new Date(Date.now() + ttlMs), releasedAt: null };
  const checkOut = { id, versionId, principal: ann, purpose: null, idempotencyKey: id, requestHash: 'hash' };
  await engine.checkOuts.insert(engine.database, { ...checkOut, ...times });
};

describe('an application that was configured by hand', () => {
  it('is never refused: a rotation keeps its login, names it, asks a person, and ends it on their word', async () => {
    const service = await engine.addLive(UNMANAGED);
    const session = await pool(service);
    const { id } = await engine.start(service);
    const view = await waitsWith(id, 'billing');
    expect(view.held).toMatchObject({
      login: 'shop_a',
      checkOuts: [],
      consumers: {
        sessions: [{ login: 'shop_a', application: 'billing' }],
        // The administrator has no more rights than it needs: what that hides is told.
        blindSpots: expect.arrayContaining([
          'a session that begins and ends between two looks',
          'where a session comes from, which shop_admin may not see without pg_read_all_stats',
        ]),
        quietSince: null,
      },
    });
    // New connections of the pool work as before, and so does what applications get that check out.
    await pool(service, 'checked-out');
    expect(await engine.accepted(service)).toHaveLength(2);
    const { items } = await engine.queries.status({ service: service.name, limit: 1 });
    expect(items[0]?.waits_for?.consumers?.sessions).toMatchObject([{ application: 'billing' }]);
    const asked = (await engine.events(service)).find(({ type }) => type.endsWith('evidence_wanted.v1'));
    expect(asked?.data).toMatchObject({ login: 'shop_a', consumers: [{ application: 'billing' }] });
    await session.query('select 1');

    await engine.clear(service, id);
    await engine.until(id, 'completed');
    expect(await engine.accepted(service)).toEqual([(await engine.current(service)).name]);
    const cleared = (await engine.events(service)).find(({ type }) => type.endsWith('cleared.v1'));
    expect(cleared?.data).toMatchObject({
      actor: ann,
      reason: 'a test',
      consumers: ['shop_a (billing)'],
    });
    expect((await engine.queries.find(id)).told).toMatchObject([{ kind: 'clear', actor: ann }]);
  });

  it('holds its value though a person has cleared it, when that person did not see it', async () => {
    const service = await engine.addLive(UNMANAGED);
    const old = await engine.current(service);
    const { id } = await engine.start(service);
    const { held } = await waitsWith(id);
    const { username, password } = await engine.vault.open(engine.database, old.id);
    const { host, port, database } = target.target;
    const late = new pg.Client({
      ...{ host, port, database, user: username, password: unwrapSecret(password), application_name: 'cron' },
    });
    late.on('error', () => undefined);
    await late.connect();
    pools.push(late);
    await lookAgain(id);
    await waitsWith(id, 'cron');
    // What was shown before is not what is seen now.
    const stale = { place: engine.place(service), reason: 'x', seen: held!.seen, overrideCheckOuts: false, actor: ann };
    expect(await codeOf(engine.units.run((unit) => engine.service.clear(unit, stale)))).toBe('consumers_changed');
    expect(await engine.accepted(service)).toHaveLength(2);
    await late.end();
    await lookAgain(id);
    await waitsWith(id);
    await engine.clear(service, id);
    await engine.until(id, 'completed');
  });

  it('is waited for by the next rotation, by name, and keeps its login when the open one is replaced', async () => {
    const service = await engine.addLive(UNMANAGED);
    const old = await engine.current(service);
    await pool(service);
    const { id } = await engine.start(service);
    await waitsWith(id, 'billing');
    await expect(engine.start(service)).rejects.toThrow(/a word that nobody uses shop_a any more/);
    const next = await engine.start(service, { onConflict: 'replace' });
    await engine.until(id, 'rolled_back');
    expect(await engine.current(service)).toMatchObject({ id: old.id });
    expect(await engine.accepted(service)).toContain(old.name);
    // The value that nobody may have is not ended unasked either.
    await eventually(async () => expect((await engine.queries.find(id)).held?.login).toBe('shop_b'), PATIENCE_MS);
    await engine.clear(service, id);
    await engine.settled(id);
    await waitsWith(next.id, 'billing');
    expect(await engine.accepted(service)).toContain(old.name);
    await back(service, next.id);
  });

  it('is not asked about where a standing answer has come true, and looks write no entry', async () => {
    const service = await engine.addLive({ ...UNMANAGED, quietFor: '1s', quietForMs: 1_000 });
    const { id } = await engine.start(service);
    await engine.until(id, 'completed');
    const kinds = await query<{ kind: string }>(
      engine.database,
      sql`select kind from rotation_journal where rotation_id = ${id} and kind in ('waiting', 'evidence-wanted')`,
    );
    expect(kinds).toEqual([{ kind: 'waiting' }]);
  });

  it('does not hold up where all consumers are managed', async () => {
    const service = await engine.addLive();
    await pool(service);
    const { id } = await engine.start(service);
    await engine.until(id, 'completed');
    expect((await engine.rotations.find(engine.database, id))?.row.sighting).toBeNull();
  });

  it('loses its value in place only when somebody accepts that', async () => {
    const service = await engine.addLive({ ...UNMANAGED, ...IN_PLACE });
    await pool(service);
    const { view } = await engine.planning.plan(engine.place(service), undefined);
    expect(view).toMatchObject({
      isBreaking: true,
      blastRadius: { consumers: { sessions: [{ login: 'shop_a', application: 'billing' }] } },
    });
    await expect(engine.start(service)).rejects.toMatchObject({
      code: 'consumers_would_break',
      message: expect.stringContaining('shop_a (billing)'),
    });
    const { id } = await engine.start(service, { acceptsBreaking: true });
    await engine.until(id, 'completed');
  });
});

describe('a check-out of a value that was promoted', () => {
  it.each(['replace', 'rollback'] as const)('holds it on %s, until it ends or a person overrides it', async (how) => {
    const service = await engine.addLive({ gracePeriod: '1h', gracePeriodMs: 3_600_000 });
    const old = await engine.current(service);
    const { id } = await engine.start(service);
    await engine.waiting(id);
    const brought = await engine.current(service);
    const hold = `01JD00000000000000000000${how === 'replace' ? 'A1' : 'A2'}`;
    await holds(service, hold);
    expect((await engine.queries.find(id)).newVersionCheckOuts).toEqual([hold]);
    const next = how === 'replace' ? await engine.start(service, { onConflict: 'replace' }) : null;
    if (!next) await engine.rollBack(service);
    await engine.until(id, 'rolled_back');
    // The labels are back at once, and the value lives as long as somebody was told that it does.
    expect(await engine.current(service)).toMatchObject({ id: old.id });
    await eventually(async () => expect((await engine.queries.find(id)).held?.checkOuts).toEqual([hold]), PATIENCE_MS);
    expect((await engine.queries.find(id)).waitsFor?.reason).toBe(
      `Waiting for a check-out of the new value (${hold}).`,
    );
    expect(await engine.accepted(service)).toEqual(expect.arrayContaining([old.name, brought.name]));
    expect(await codeOf(engine.clear(service, id))).toBe('nothing_to_clear');
    await engine.clear(service, id, true);
    await engine.settled(id);
    expect(await engine.accepted(service)).not.toContain(brought.name);
    const cleared = (await engine.events(service)).find(({ type }) => type.endsWith('cleared.v1'));
    expect(cleared?.data).toMatchObject({ checkOuts: [hold], actor: ann });
    if (next) await back(service, next.id);
  });
});
