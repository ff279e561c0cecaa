import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { declarationOf } from '@dsops/contracts/rotation/targets/declarations';
import type { TargetAddress, VerificationCheck } from '@dsops/contracts/rotation/targets/define-target';
import { isDomainError, Secret, unwrapSecret } from '@dsops/kernel';
import { eventually, startFaultProxy, type FaultProxy } from '@dsops/testing';
import type { Administration, CommandOutcome, Login, Slot, TargetDriver } from '../driver.js';
import { tellsWhoUsesALogin, type Value } from './consumers-conformance.js';
import type { Observer, Tenant, World, WorldModule } from './world.js';

/** Short enough for tests, in the order of the real ones: the target gives up before we do. */
const LIMITS = {
  connectTimeoutMs: 1_500,
  lockTimeoutMs: 400,
  statementTimeoutMs: 800,
  answerTimeoutMs: 1_200,
  endTimeoutMs: 3_000,
  lookEveryMs: 10,
};
const MARKER = '01TESTROTATION';

/**
 * What every driver promises, run against its world: once for each layout of slots that the kind has. What does not apply
 * follows from the driver's facts.
 */
export function conformsToDriverContract(kind: string, module: WorldModule, layouts: readonly string[]): void {
  describe.each(layouts)(`the ${kind} driver keeps the contract of target drivers, with %s`, (layout) => {
    let world: World;
    let tenant: Tenant;
    let observer: Observer;
    let proxy: FaultProxy;
    let driver: TargetDriver;
    let target: TargetAddress;
    beforeAll(async () => {
      world = await module.startWorld();
      tenant = await world.tenant('shop', layout);
      observer = await module.openObserver(tenant.observedAt);
      proxy = await startFaultProxy(world.address);
      driver = world.driver(LIMITS);
      target = tenant.targetAt(proxy);
    }, 120_000);
    beforeEach(async () => {
      if (!proxy.isListening()) await proxy.reopen();
      proxy.weather({ kind: 'clear' });
      proxy.cutAll();
      await tenant.idle();
    });
    afterAll(async () => {
      await observer?.close();
      await proxy?.close();
      await world?.stop();
    });

    const at = (admin = tenant.admin): Administration => ({ target, admin });
    const fresh = (nth = 0): Value => {
      const slot = tenant.slots[nth]!;
      return { slot, username: slot.login, password: driver.generate() };
    };
    const probe = (login: Login, check: VerificationCheck = tenant.checks.passing) =>
      driver.probe(target, login, { check, timeoutMs: 1_500 });
    const verdictOf = async (login: Login) => (await probe(login)).verdict;
    const canLogIn = async ({ username, password }: Login) =>
      (await observer.logIn(username, unwrapSecret(password))) === 'accepted';
    async function set({ slot, password }: Value, expects?: { isIdle: boolean }): Promise<CommandOutcome> {
      const session = await driver.openSession(at(), MARKER);
      try {
        return await session.set(slot, password, expects);
      } finally {
        await session.close();
      }
    }
    async function retire({ slot, password }: Value, endSessions = false): Promise<CommandOutcome> {
      const session = await driver.openSession(at(), MARKER);
      try {
        return await session.retire(slot, password, { endSessions });
      } finally {
        await session.close();
      }
    }
    const sets = (session: { set(slot: Slot, value: Secret): Promise<CommandOutcome> }, { slot, password }: Value) =>
      session.set(slot, password);

    it('is declared, and its world has the layouts that are tried here', () => {
      expect(driver.kind).toBe(kind);
      expect(declarationOf(kind).kind).toBe(kind);
      expect(world.layouts).toEqual(layouts);
      // What the world says of itself is what a person could have asked for.
      const { settings } = declarationOf(kind);
      for (const shape of ['in-place', 'side-by-side'] as const) {
        const parsed = settings.parse(tenant.settingsFor(shape));
        expect(declarationOf(kind).faults(parsed, shape)).toEqual([]);
        const slots = declarationOf(kind).slots(parsed);
        if (shape === 'side-by-side') expect(slots).toEqual(tenant.slots);
        else expect(slots).toMatchObject([{ login: tenant.slots[0].login }]);
      }
    });

    it('is seen from outside as it is', async () => {
      const [first, second] = [fresh(0), fresh(1)];
      const values = [first, second].map(({ password }) => unwrapSecret(password));
      const accepted = async () => {
        const seen = await observer.accepted(() => values);
        return tenant.slots.map(({ name }) => seen.get(name) ?? { kind: 'nobody' });
      };
      expect(await accepted()).toEqual([{ kind: 'nobody' }, { kind: 'nobody' }]);
      await set(first);
      expect(await accepted()).toEqual([{ kind: 'value', value: values[0] }, { kind: 'nobody' }]);
      await set(second);
      expect(await accepted()).toEqual(values.map((value) => ({ kind: 'value', value })));
      await tenant.set(tenant.slots[0], driver.generate());
      expect((await accepted())[0]).toEqual({ kind: 'foreign' });
    });

    it('gives the name of a tenant free when it is taken away', async () => {
      for (let round = 1; round <= 2; round++) {
        const other = await world.tenant('passing', layout);
        const password = driver.generate();
        await other.set(other.slots[0], password);
        const session = await other.holdSession({ username: other.slots[0].login, password });
        await other.remove();
        expect(await session.isOpen()).toBe(false);
        await session.close().catch(() => undefined);
      }
    });

    const applied = { kind: 'applied' };

    describe('values', () => {
      it('generates values that differ, are long, and need no quoting in a URL or a shell', () => {
        const values = Array.from({ length: 200 }, () => unwrapSecret(driver.generate()));
        expect(new Set(values).size).toBe(200);
        for (const value of values) expect(value).toMatch(/^[A-Za-z0-9._~-]{32,}$/);
      });

      it('sets a value: it logs in, and a wrong one is refused on the same path', async () => {
        const login = fresh();
        expect(await verdictOf(login)).toBe('refused');
        expect(await set(login)).toEqual(applied);
        expect(await canLogIn(login)).toBe(true);
        expect(await verdictOf(login)).toBe('accepted');
        expect(await probe(fresh())).toMatchObject({ verdict: 'refused', refusedBy: 'authentication' });
      });

      it('replaces a value: the old one is refused', async () => {
        const [old, next] = [fresh(), fresh()];
        await set(old);
        expect(await set(next)).toEqual(applied);
        expect([await verdictOf(old), await verdictOf(next)]).toEqual(['refused', 'accepted']);
        expect(await canLogIn(old)).toBe(false);
      });

      it('changes nothing more when a step is run again', async () => {
        const login = fresh();
        expect([await set(login), await set(login)]).toEqual([applied, applied]);
        expect(await verdictOf(login)).toBe('accepted');
        expect([await retire(login), await retire(login)]).toEqual([applied, applied]);
        expect(await verdictOf(login)).toBe('refused');
      });

      it('sets a slot that must be idle only when nobody can log in to it', async () => {
        const [login, next] = [fresh(0), fresh(0)];
        expect([await set(fresh(1)), await set(login, { isIdle: true })]).toEqual([applied, applied]);
        expect(await set(next, { isIdle: true })).toMatchObject({ kind: 'refused', code: 'slot_taken' });
        expect([await verdictOf(login), await verdictOf(next)]).toEqual(['accepted', 'refused']);
        await retire(login);
        expect([await set(next, { isIdle: true }), await verdictOf(next)]).toEqual([applied, 'accepted']);
      });

      it('keeps the slots apart', async () => {
        const [first, second] = [fresh(0), fresh(1)];
        await set(first);
        await set(second);
        expect([await verdictOf(first), await verdictOf(second)]).toEqual(['accepted', 'accepted']);
        await retire(first, true);
        expect([await verdictOf(first), await verdictOf(second)]).toEqual(['refused', 'accepted']);
      });
    });

    describe('retire', () => {
      it('ends the value and leaves open sessions alone', async () => {
        const login = fresh();
        await set(login);
        const session = await tenant.holdSession(login);
        expect(await retire(login)).toEqual(applied);
        expect(await canLogIn(login)).toBe(false);
        expect(await session.isOpen()).toBe(true);
        await session.close();
      });

      it('ends the open sessions as well when asked', async () => {
        const login = fresh();
        await set(login);
        const sessions = await Promise.all([tenant.holdSession(login), tenant.holdSession(login)]);
        expect(await retire(login, true)).toEqual(applied);
        expect(await Promise.all(sessions.map((session) => session.isOpen()))).toEqual([false, false]);
      });
    });

    tellsWhoUsesALogin(() => ({ driver, at, tenant, proxy, fresh, set }));

    describe('verification', () => {
      it('tells a failed verification apart from a refused value', async () => {
        const login = fresh();
        await set(login);
        expect(await probe(login, tenant.checks.failing)).toMatchObject({
          verdict: 'refused',
          refusedBy: 'verification',
        });
      });

      it('gives a note and a duration with each verdict, and never the value', async () => {
        const login = fresh();
        await set(login);
        const found = await Promise.all([probe(login), probe(login, tenant.checks.failing), probe(fresh())]);
        for (const { note, durationMs } of found) {
          expect(note).not.toBe('');
          expect(note).not.toContain(unwrapSecret(login.password));
          expect(durationMs).toBeGreaterThanOrEqual(0);
        }
      });
    });

    describe('what is not known', () => {
      it('says lost, not failed, when the answer to a command is lost; the command took effect', async () => {
        const login = fresh();
        proxy.arm({ kind: 'lose-answer', when: world.commandMark, client: 'reset' });
        expect((await set(login)).kind).toBe('lost');
        expect(proxy.fired.at(-1)?.kind).toBe('lose-answer');
        expect(await verdictOf(login)).toBe('accepted');
      });

      it('says lost when the target stays silent after a command', async () => {
        const login = fresh();
        proxy.arm({ kind: 'lose-answer', when: world.commandMark, client: 'silence' });
        expect((await set(login)).kind).toBe('lost');
        expect(await verdictOf(login)).toBe('accepted');
      });

      it('says lost when the command never arrived', async () => {
        const login = fresh();
        proxy.arm({ kind: 'lose-request', when: world.commandMark, client: 'reset' });
        expect((await set(login)).kind).toBe('lost');
        expect(await verdictOf(login)).toBe('refused');
      });

      it('says lost when the answer to a retire is lost', async () => {
        const login = fresh();
        await set(login);
        proxy.arm({ kind: 'lose-answer', when: world.commandMark, client: 'reset' });
        expect((await retire(login)).kind).toBe('lost');
        expect(await verdictOf(login)).toBe('refused');
      });

      it('errs, and refuses nothing, when a target cannot be reached, hangs or drops connections', async () => {
        const login = fresh();
        await set(login);
        await proxy.refuse();
        expect(await verdictOf(login)).toBe('errored');
        await proxy.reopen();
        proxy.weather({ kind: 'hang' });
        expect(await verdictOf(login)).toBe('errored');
        proxy.weather({ kind: 'clear' });
        proxy.arm({ kind: 'lose-request', client: 'reset' });
        expect(await verdictOf(login)).toBe('errored');
        expect(await verdictOf(login)).toBe('accepted');
      });
    });

    describe('abandoned attempts', () => {
      const bySession = () => driver.facts.abandonment.by === 'ending-session';

      it('ends a session so that its command can land no more', async () => {
        if (!bySession()) return;
        const login = fresh();
        const session = await driver.openSession(at(), MARKER);
        proxy.arm({ kind: 'hold-request', when: world.commandMark, client: 'silence' });
        expect((await sets(session, login)).kind).toBe('lost');
        expect(await driver.endSession(at(), session.identity)).toBe('ended');
        proxy.release();
        // Another command through the same server gives the late one every chance to land.
        await set(fresh(1));
        expect(await canLogIn(login)).toBe(false);
      });

      it('would land late otherwise', async () => {
        const login = fresh();
        proxy.arm({ kind: 'hold-request', when: world.commandMark, client: 'silence' });
        expect((await set(login)).kind).toBe('lost');
        expect(await verdictOf(login)).toBe('refused');
        proxy.release();
        await eventually(async () => expect(await canLogIn(login)).toBe(true));
      });

      it('ends a session that is gone already, as often as asked, and no other', async () => {
        if (!bySession()) return;
        const [gone, other] = await Promise.all(
          ['01GONE', '01OTHER'].map((marker) => driver.openSession(at(), marker)),
        );
        for (let round = 0; round < 2; round++) expect(await driver.endSession(at(), gone!.identity)).toBe('ended');
        const login = fresh();
        expect(await sets(other!, login)).toEqual(applied);
        await expect(sets(gone!, fresh())).rejects.toMatchObject({ code: 'session_ended' });
        expect(await verdictOf(login)).toBe('accepted');
        await Promise.all([gone!.close(), other!.close()]);
      });

      it('identifies a session by plain JSON', async () => {
        const session = await driver.openSession(at(), MARKER);
        const copied: unknown = JSON.parse(JSON.stringify(session.identity));
        expect(copied).toEqual({ ...session.identity });
        await session.close();
        if (bySession()) expect(await driver.endSession(at(), copied as typeof session.identity)).toBe('ended');
      });

      it('carries one command per session', async () => {
        const session = await driver.openSession(at(), MARKER);
        await sets(session, fresh());
        await expect(sets(session, fresh())).rejects.toMatchObject({ code: 'session_used' });
        await session.close();
      });
    });

    describe('before anything is sent', () => {
      const failing = async (admin = tenant.admin): Promise<unknown> =>
        driver.openSession(at(admin), MARKER).then(
          () => 'opened',
          (error: unknown) => error,
        );

      it.each([
        ['target_unreachable', () => proxy.refuse()],
        ['target_silent', async () => proxy.weather({ kind: 'hang' })],
      ])('says %s with what to do', async (code, breakIt) => {
        await breakIt();
        const error = await failing();
        if (!proxy.isListening()) await proxy.reopen();
        expect(isDomainError(error)).toBe(true);
        expect(error).toMatchObject({
          code,
          kind: 'unavailable',
          details: { about: 'target', remedy: expect.any(String) },
        });
      });

      it('says admin_refused when the password of the admin is wrong, and does not show it', async () => {
        const wrong = { username: tenant.admin!.username, password: new Secret('not-the-password-CANARY') };
        const error = await failing(wrong);
        expect(error).toMatchObject({
          code: 'admin_refused',
          details: { about: 'target', remedy: expect.any(String) },
        });
        expect(JSON.stringify({ ...(error as Error), text: String(error) })).not.toContain('CANARY');
      });
    });

    describe('the plan', () => {
      const inspect = (admin = tenant.admin, slots: readonly Slot[] = tenant.slots) =>
        driver.inspect(at(admin), {
          shape: slots.length === 2 ? 'side-by-side' : 'in-place',
          settings: tenant.settingsFor(slots.length === 2 ? 'side-by-side' : 'in-place'),
          slots,
          inUse: tenant.slots[0].name,
          endsSessions: false,
        });

      it('finds nothing wrong with a target in order, and changes nothing', async () => {
        const login = fresh();
        await set(login);
        const session = await tenant.holdSession(login);
        const { findings, sessions } = await inspect();
        expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
        expect(sessions).toBe(1);
        expect(await canLogIn(login)).toBe(true);
        expect(await session.isOpen()).toBe(true);
        await session.close();
      });

      it('turns a target that cannot be reached into a finding with a remedy', async () => {
        await proxy.refuse();
        const { findings, sessions } = await inspect();
        await proxy.reopen();
        expect(findings).toMatchObject([{ level: 'error', remedy: expect.any(String) }]);
        expect(sessions).toBeNull();
      });

      it('turns a wrong password of the admin into a finding', async () => {
        const { findings } = await inspect({ ...tenant.admin!, password: new Secret('wrong') });
        expect(findings).toMatchObject([{ check: 'admin-login', level: 'error', remedy: expect.any(String) }]);
      });

      it('names a slot that does not exist', async () => {
        const { findings } = await inspect(tenant.admin, [{ name: 'no_such_slot', login: 'no_such_slot' }]);
        expect(findings.filter(({ level }) => level === 'error').map(({ message }) => message)).toContainEqual(
          expect.stringContaining('no_such_slot'),
        );
      });
    });
  });
}
