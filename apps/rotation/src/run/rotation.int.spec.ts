import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execute, query, sql } from '@dsops/database';
import { slotsNamed } from '../vault/rotation-database.fixture.js';
import { isDomainError, unwrapSecret } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import type { Login, TargetDriver } from '@dsops/drivers/driver';
import { scramVerifier } from '@dsops/drivers/postgresql/scram';
import { startPostgresqlWorld, type PostgresqlWorld } from '@dsops/drivers/postgresql/postgresql-world.fixture';
import { ann, openEngine, PATIENCE_MS, type Engine } from './engine.fixture.js';
import type { RotationWorker } from './rotation.worker.js';

let target: PostgresqlWorld;
let engine: Engine;
let worker: RotationWorker;
let passes: (login: Login) => boolean = () => true;
/** What people do at the target just before dsops opens a session there. */
let meanwhile: () => Promise<unknown> = async () => undefined;

beforeAll(async () => {
  target = await startPostgresqlWorld();
  // A target whose verification fails for some values, though their login works.
  const driver: TargetDriver = Object.create(target.driver, {
    openSession: {
      value: async (...args: Parameters<TargetDriver['openSession']>) => {
        await meanwhile();
        return target.driver.openSession(...args);
      },
    },
    probe: {
      value: (...[at, login, verification]: Parameters<TargetDriver['probe']>) =>
        target.driver.probe(
          at,
          login,
          passes(login) ? verification : { ...verification, check: { query: target.failingQuery } },
        ),
    },
  });
  engine = await openEngine(target, driver);
});
beforeEach(async () => {
  passes = () => true;
  meanwhile = async () => undefined;
  await target.reset();
  worker = engine.startWorker();
});
afterEach(() => worker.stop());
afterAll(async () => {
  await engine?.close();
  await target?.close();
});

const happenedTo = async (...[service]: Parameters<Engine['events']>) =>
  (await engine.events(service)).map(({ type, data }) => {
    const what = type.replace(/^dsops\.rotation\.|\.v1$/g, '');
    return what === 'rotation.progressed' ? `${String(data['step'])} ${String(data['outcome'])}` : what;
  });
const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (isDomainError(error)) return error.code;
    throw error;
  }
};

describe('a two-key rotation', () => {
  it('sets the idle slot, proves it, promotes it, ends the old value and proves that', async () => {
    const service = await engine.addLive();
    const before = await engine.current(service);
    const { id } = await engine.start(service);
    const view = await engine.until(id, 'completed');
    const after = await engine.current(service);
    expect(after.slot).toBe('shop_b');
    expect(await engine.accepted(service)).toEqual([after.name]);
    expect(view).toMatchObject({ previousVersion: before.name, newVersion: after.name, error: null });
    expect(view.known).toEqual({ [after.name]: 'accepted', [before.name]: 'refused' });
    expect(view.steps.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'check-path refused',
      'probe-old accepted',
      'clear-slot skipped',
      'generate done',
      'set done',
      'probe-new accepted',
      'rollout skipped',
      'promote done',
      'publish done',
      'monitor skipped',
      'grace done',
      'retire-old done',
      'probe-old-refused refused',
      'complete completed',
    ]);
    expect(await happenedTo(service)).toEqual([
      'rotation.started',
      ...view.steps.slice(0, 7).map(({ name, outcome }) => `${name} ${outcome}`),
      'version.promoted',
      ...view.steps.slice(7, -1).map(({ name, outcome }) => `${name} ${outcome}`),
      'version.retired',
      'rotation.completed',
    ]);
    const ended = (await engine.versionsOf(service)).find(({ id: each }) => each === before.id);
    expect(ended).toMatchObject({ endedAt: expect.any(Date), verdict: 'refused' });
  });

  it('alternates: the next one goes to the slot that was proven idle', async () => {
    const service = await engine.addLive();
    for (const slot of ['shop_b', 'shop_a']) {
      const { id } = await engine.start(service);
      await engine.until(id, 'completed');
      expect(await engine.current(service)).toMatchObject({ slot });
    }
    expect(await engine.accepted(service)).toHaveLength(1);
  });

  it('first ends what an earlier rotation left in the slot, by its recorded id', async () => {
    const service = await engine.addLive();
    const left = await engine.leaveBehind(service, 'shop_b');
    expect(await engine.accepted(service)).toHaveLength(2);
    const { id } = await engine.start(service);
    const view = await engine.until(id, 'completed');
    expect(view.steps.find(({ name }) => name === 'clear-slot')).toMatchObject({ outcome: 'refused' });
    expect(await engine.accepted(service)).toEqual([(await engine.current(service)).name]);
    const versions = await engine.versionsOf(service);
    expect(versions.find((version) => version.id === left.id)?.endedAt).not.toBeNull();
  });

  it('waits for the grace period and for who holds the old value, and goes on when it is released', async () => {
    const service = await engine.addLive();
    const before = await engine.current(service);
    const checkOut = { id: '01JD0000000000000000000001', versionId: before.id, principal: ann, purpose: null };
    const times = { grantedAt: new Date(), expiresAt: new Date(Date.now() + 3_600_000), releasedAt: null };
    await engine.checkOuts.insert(engine.database, {
      ...checkOut,
      ...times,
      idempotencyKey: 'key',
      requestHash: 'hash',
    });
    const { id } = await engine.start(service);
    const waiting = await engine.waiting(id);
    expect(waiting.state).toBe('verifying');
    expect(waiting.waitsFor).toEqual({
      reason: `Waiting for a check-out of the old value (${checkOut.id}).`,
      until: times.expiresAt.toISOString(),
    });
    expect(await engine.accepted(service)).toHaveLength(2);
    expect(await happenedTo(service)).toContain('grace waiting');
    await engine.checkOuts.release(engine.database, checkOut.id, new Date());
    // Who released it wakes the rotation; here the clock is turned on instead.
    await execute(engine.database, sql`update rotations set wake_at = now() where id = ${id}`);
    await engine.until(id, 'completed');
    expect(await engine.accepted(service)).toHaveLength(1);
  });

  it('publishes what is committed: the grace period begins when everybody can see the new value', async () => {
    const service = await engine.addLive();
    const { id } = await engine.start(service);
    await engine.until(id, 'completed');
    const rows = await query<{ kind: string; transaction: string }>(
      engine.database,
      sql`select entry->>'kind' as kind, xmin::text as transaction from rotation_journal
        where rotation_id = ${id} and entry->>'kind' in ('labels-moved', 'published') order by seq`,
    );
    expect(rows.map(({ kind }) => kind)).toEqual(['labels-moved', 'published']);
    expect(new Set(rows.map(({ transaction }) => transaction)).size).toBe(2);
  });

  it('goes back while the old value lives, and ends the new one afterwards', async () => {
    const service = await engine.addLive({ gracePeriod: '1h', gracePeriodMs: 3_600_000 });
    const before = await engine.current(service);
    const { id } = await engine.start(service);
    await engine.waiting(id);
    expect((await engine.current(service)).slot).toBe('shop_b');
    await engine.rollBack(service);
    const view = await engine.until(id, 'rolled_back');
    expect(view.error).toMatchObject({ code: 'rollback_requested' });
    await engine.settled(id);
    expect(await engine.current(service)).toMatchObject({ id: before.id, endIntendedAt: null });
    expect(await engine.accepted(service)).toEqual([before.name]);
    expect(await codeOf(engine.rollBack(service))).toBe('rollback_impossible');
    // The slot is idle again.
    const next = await engine.start(service);
    expect((await engine.queries.find(next.id)).state).not.toBe('failed');
    await engine.rollBack(service).catch(() => undefined);
    await engine.settled(next.id);
  });
});

describe('a rotation in place', () => {
  it('replaces the value in its slot', async () => {
    const service = await engine.addLive({
      slots: slotsNamed('shop_a'),
      settings: { slots: ['shop_a'] },
      strategy: 'immediate',
    });
    const before = await engine.current(service);
    const { id } = await engine.start(service);
    await engine.until(id, 'completed');
    const after = await engine.current(service);
    expect([after.slot, after.id === before.id]).toEqual(['shop_a', false]);
    expect(await engine.accepted(service)).toEqual([after.name]);
  });

  it('sets the old value back when the new one does not pass its verification', async () => {
    const service = await engine.addLive({
      slots: slotsNamed('shop_a'),
      settings: { slots: ['shop_a'] },
      strategy: 'immediate',
    });
    const before = await engine.current(service);
    const { password } = await engine.vault.open(engine.database, before.id);
    passes = (login) => unwrapSecret(login.password) === unwrapSecret(password);
    const { id } = await engine.start(service);
    const view = await engine.until(id, 'rolled_back');
    expect(view.error).toMatchObject({ code: 'verification_failed' });
    expect(view.steps.map(({ name }) => name)).toContain('set-back');
    expect(await engine.current(service)).toMatchObject({ id: before.id });
    expect(await engine.accepted(service)).toEqual([before.name]);
  });
});

describe('requests', () => {
  it('are refused, queued or replace the open rotation, as was asked', async () => {
    const service = await engine.addLive({ gracePeriod: '1h', gracePeriodMs: 3_600_000 });
    const first = await engine.start(service);
    expect(await codeOf(engine.start(service))).toBe('rotation_open');
    const queued = await engine.start(service, { onConflict: 'queue', strategy: 'immediate' });
    expect(queued).toMatchObject({ state: 'pending', steps: [], newVersion: null });
    const replacing = await engine.start(service, { onConflict: 'replace', strategy: 'immediate' });
    expect(await engine.until(first.id, 'rolled_back', 'completed')).toMatchObject({ state: 'rolled_back' });
    await engine.until(queued.id, 'completed');
    await engine.until(replacing.id, 'completed');
    expect(await engine.accepted(service)).toHaveLength(1);
  });

  it('are refused when the plan that was seen has drifted', async () => {
    const service = await engine.addLive({ slots: slotsNamed('shop_a', 'shop_b') });
    const { view } = await engine.planning.plan(engine.place(service), undefined);
    expect(view).toMatchObject({ canApply: true, targetSlot: 'shop_b', retiredSlot: 'shop_a', isReversible: true });
    const { id } = await engine.start(service, { digest: view.digest });
    await engine.until(id, 'completed');
    expect(await codeOf(engine.start(service, { digest: view.digest }))).toBe('plan_drifted');
  });

  it('find nothing changed when the target refuses or cannot be reached', async () => {
    const service = await engine.addLive();
    await target.asSuperuser('ALTER ROLE shop_admin NOCREATEROLE');
    expect(await codeOf(engine.start(service))).toBe('target_not_ready');
    await target.asSuperuser('ALTER ROLE shop_admin CREATEROLE');
    await target.proxy.refuse();
    expect(await codeOf(engine.start(service))).toBe('target_not_ready');
    await target.proxy.reopen();
    const { items } = await engine.queries.status({ service: service.name, limit: 1 });
    expect(items).toMatchObject([{ status: 'never_rotated' }]);
    expect(await engine.accepted(service)).toHaveLength(1);
  });

  it('show history page by page, and where a service stands', async () => {
    const service = await engine.addLive();
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) {
      const { id } = await engine.start(service);
      await engine.until(id, 'completed');
      ids.unshift(id);
    }
    const first = await engine.queries.list({ service: service.name, limit: 1 });
    const second = await engine.queries.list({ service: service.name, limit: 1, cursor: first.next ?? '' });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids);
    expect(second.next).toBeNull();
    const current = (await engine.current(service)).name;
    const { items } = await engine.queries.status({ service: service.name, limit: 1 });
    expect(items).toMatchObject([
      {
        status: 'active',
        last_result: 'completed',
        rotation_count: 2,
        success_count: 2,
        current_version: current,
        target: { [current]: 'accepted' },
      },
    ]);
  });
});

describe('a rotation whose turn in the queue comes in vain', () => {
  it('ends as failed, says why, and lets the next one in', async () => {
    const service = await engine.addLive({ gracePeriod: '2s' });
    const first = await engine.start(service);
    const vain = await engine.start(service, { onConflict: 'queue' });
    const last = await engine.start(service, { onConflict: 'queue', strategy: 'immediate' });
    await eventually(async () => expect((await engine.current(service)).slot).toBe('shop_b'), PATIENCE_MS);
    // Meanwhile the credential lost a slot. The plan of the open rotation is frozen and does not notice.
    await engine.database.credential.update({
      where: { id: service.credential.id },
      data: { settings: { slots: ['shop_b'] } },
    });
    await engine.until(first.id, 'completed');
    const view = await engine.until(vain.id, 'failed');
    expect(view.error?.message).toMatch(/needs two slots/);
    expect(await happenedTo(service)).toContain('rotation.failed');
    await engine.until(last.id, 'completed');
  });
});

describe('a rollback that a person asks for', () => {
  const grace = { gracePeriod: '1h', gracePeriodMs: 3_600_000 };
  const bo = { kind: 'user', id: 'u2', name: 'Bo' } as const;
  const saidBy = async (service: Parameters<Engine['events']>[0], type: string) =>
    (await engine.events(service))
      .filter((event) => event.type === `dsops.rotation.${type}.v1`)
      .map(({ data }) => ({ ...data, actor: (data['actor'] as { name: string }).name }));

  it('is not undone by what was queued: that is cancelled, and says who and why', async () => {
    const service = await engine.addLive(grace);
    const before = await engine.current(service);
    const first = await engine.start(service);
    await engine.waiting(first.id);
    const queued = await engine.start(service, { onConflict: 'queue', strategy: 'immediate' });
    expect(queued).toMatchObject({ queuedBehind: { id: first.id }, waitsFor: { until: expect.any(String) } });
    const answer = await engine.rollBack(service, { actor: bo, reason: 'logins fail' });
    expect(answer.cancelled).toEqual([{ id: queued.id, requestedBy: ann, reason: 'a test' }]);
    await engine.until(first.id, 'rolled_back');
    await engine.settled(first.id);
    const message = 'Bo asked to go back before it had begun: logins fail';
    expect(await engine.queries.find(queued.id)).toMatchObject({
      state: 'failed',
      error: { code: 'cancelled', message },
      steps: [],
    });
    expect(await engine.current(service)).toMatchObject({ id: before.id });
    expect(await engine.accepted(service)).toEqual([before.name]);
    expect(await saidBy(service, 'rotation.cancelled')).toMatchObject([
      { rotationId: queued.id, actor: 'Bo', reason: message, requestedBy: ann },
    ]);
    expect(await saidBy(service, 'rotation.failed')).toEqual([]);
    const { items } = await engine.queries.status({ service: service.name, limit: 1 });
    expect(items).toMatchObject([{ status: 'active', last_result: 'rolled_back', rotation_count: 1 }]);
  });

  it('waits no more for what the rotation waited for, as its answer says', async () => {
    const service = await engine.addLive(grace);
    const { id } = await engine.start(service);
    await engine.waiting(id);
    expect(await engine.rollBack(service)).toMatchObject({ waitsFor: null, wakeAt: null });
    await engine.until(id, 'rolled_back');
    await engine.settled(id);
  });

  it('is told with who asked and why, in the rotation and in every event from then on', async () => {
    const service = await engine.addLive(grace);
    const { id } = await engine.start(service);
    await engine.waiting(id);
    await engine.rollBack(service, { actor: bo, reason: 'logins fail' });
    const view = await engine.until(id, 'rolled_back');
    await engine.settled(id);
    expect(view.told).toMatchObject([{ kind: 'rollback', actor: bo, reason: 'logins fail' }]);
    expect(await saidBy(service, 'rotation.started')).toMatchObject([{ actor: 'Ann', reason: 'a test' }]);
    const rolledBack = await saidBy(service, 'rotation.rolled_back');
    expect(rolledBack).toMatchObject([{ actor: 'Bo', trigger: 'manual', reason: 'Bo asked to go back: logins fail' }]);
    const steps = await saidBy(service, 'rotation.progressed');
    const request = steps.findIndex(({ actor }) => actor === 'Bo');
    expect(steps[request]).toMatchObject({ step: 'turn-back', outcome: 'requested', note: 'logins fail' });
    expect(new Set(steps.slice(0, request).map(({ actor }) => actor))).toEqual(new Set(['Ann']));
    expect(new Set(steps.slice(request).map(({ actor }) => actor))).toEqual(new Set(['Bo']));
  });
});

describe('a slot that somebody took since it was looked at', () => {
  it('is left to whoever uses it, and the rotation says so', async () => {
    const service = await engine.addLive();
    const before = await engine.current(service);
    const verifier = await scramVerifier(target.driver.generate());
    meanwhile = () => target.asSuperuser(`ALTER ROLE shop_b LOGIN PASSWORD '${verifier}'`);
    const { id } = await engine.start(service);
    const view = await engine.until(id, 'failed', 'completed');
    expect(view).toMatchObject({ state: 'failed', error: { code: 'slot_taken' } });
    const [role] = await target.asSuperuser<{ rolpassword: string }>(
      `SELECT rolpassword FROM pg_authid WHERE rolname = 'shop_b'`,
    );
    expect(role?.rolpassword).toBe(verifier);
    expect(await engine.accepted(service)).toEqual([before.name]);
  });
});

describe('a first value whose verification query fails', () => {
  it('needs a person, who may keep it: the target has it, and there is none before it', async () => {
    const service = await engine.addLive({
      verification: { check: { query: target.failingQuery }, timeoutMs: 5_000 },
    });
    await engine.database.version.deleteMany({ where: { credentialId: service.credential.id } });
    await target.asSuperuser('ALTER ROLE shop_a NOLOGIN PASSWORD NULL');
    const { id } = await engine.start(service);
    const view = await engine.until(id, 'needs_operator', 'failed');
    expect(view).toMatchObject({ state: 'needs_operator', error: { code: 'first_value_unverified' } });
    await engine.resume(id);
    await engine.until(id, 'completed');
    expect(await engine.accepted(service)).toEqual([(await engine.current(service)).name]);
  });
});

describe('what dsops turns back by itself', () => {
  it("is in nobody's name, and lets the queue go on", async () => {
    const service = await engine.addLive();
    const before = await engine.current(service);
    const { password } = await engine.vault.open(engine.database, before.id);
    passes = (login) => unwrapSecret(login.password) === unwrapSecret(password);
    const first = await engine.start(service);
    const queued = await engine.start(service, { onConflict: 'queue' });
    await engine.until(first.id, 'rolled_back');
    await engine.until(queued.id, 'rolled_back');
    const ends = (await engine.events(service)).filter(({ type }) => type === 'dsops.rotation.rotation.rolled_back.v1');
    expect(ends.map(({ data }) => (data['actor'] as { kind: string }).kind)).toEqual(['system', 'system']);
    expect(
      (await engine.events(service)).filter(({ type }) => type === 'dsops.rotation.rotation.queued.v1'),
    ).toMatchObject([{ data: { rotationId: queued.id, behind: first.id, actor: ann, reason: 'a test' } }]);
  });
});

describe('automatic: false', () => {
  it('stops with the target as it is, and a person decides', async () => {
    const service = await engine.addLive({
      isRollbackAutomatic: false,
      verification: { check: { query: `SELECT 1 / (session_user = 'shop_a')::int` }, timeoutMs: 5_000 },
    });
    const before = await engine.current(service);
    const { id } = await engine.start(service);
    const view = await engine.until(id, 'needs_operator');
    expect(view.error).toMatchObject({ code: 'verification_failed' });
    expect(await engine.accepted(service)).toHaveLength(2);
    await engine.resume(id);
    await eventually(
      async () =>
        expect((await happenedTo(service)).filter((each) => each === 'rotation.needs_operator')).toHaveLength(2),
      PATIENCE_MS,
    );
    await engine.rollBack(service);
    await engine.until(id, 'rolled_back');
    expect(await engine.accepted(service)).toEqual([before.name]);
  });
});

describe('secrets', () => {
  it('are in no table but the vault, and in no event', async () => {
    const service = await engine.addLive();
    const { id } = await engine.start(service);
    await engine.until(id, 'completed');
    const rows = await query(
      engine.database,
      sql`select (select json_agg(j)::text from rotation_journal j) as a, (select json_agg(o)::text from outbox o) as b,
              (select json_agg(r)::text from rotations r) as c`,
    );
    const said = JSON.stringify(rows);
    expect(said.length).toBeGreaterThan(1_000);
    for (const version of await engine.versionsOf(service))
      expect(said).not.toContain(unwrapSecret((await engine.vault.open(engine.database, version.id)).password));
  });
});

describe('mode restored', () => {
  it('holds what is open until a person has confirmed and resumed', async () => {
    const service = await engine.addLive({ gracePeriod: '1h', gracePeriodMs: 3_600_000 });
    const { id } = await engine.start(service);
    await engine.waiting(id);
    await engine.installation.enterRestored('a test');
    expect((await engine.queries.find(id)).error).toMatchObject({ code: 'restored' });
    expect(await codeOf(engine.start(service))).toBe('installation_restored');
    expect(await codeOf(engine.resume(id))).toBe('installation_restored');
    await engine.installation.confirmRestore({ actor: ann, reason: 'it is off', key: 'restore-1' });
    await engine.resume(id);
    await engine.until(id, 'verifying', 'rotating');
    await engine.rollBack(service);
    await engine.until(id, 'rolled_back');
    // Who checked the new value out, before the restore, is not known: it is presumed that somebody did.
    await eventually(
      async () => expect((await engine.queries.find(id)).held?.checkOuts).toEqual(['unknown']),
      PATIENCE_MS,
    );
    await engine.clear(service, id, true);
    await engine.settled(id);
  });
});
