import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Target } from '@dsops/contracts/rotation/api';
import { isDomainError, Secret, unwrapSecret } from '@dsops/kernel';
import { eventually, type FaultProxy } from '@dsops/testing';
import type { CommandOutcome, Login, TargetDriver } from '../driver.js';

/** A real target with a proxy before it. All of it is made and undone by the spec of the driver. */
export interface DriverWorld {
  /** Its time-outs are short: an answer that does not come must be given up within three seconds. */
  readonly driver: TargetDriver;
  /** The target as the driver reaches it: through `proxy`. */
  readonly target: Target;
  readonly proxy: FaultProxy;
  readonly admin: Login;
  /** As many as the driver's facts allow; all idle after `reset`. */
  readonly slots: readonly string[];
  readonly owner: string | null;
  /** Bytes by which a `set` or `retire` can be told on the wire. */
  readonly commandMark: string;
  /** A verification that every slot passes, and one that none passes. */
  readonly passingQuery: string;
  readonly failingQuery: string;
  /** A login past driver and proxy: what is really true. */
  canLogIn(login: Login): Promise<boolean>;
  /** A session of an application, held open past driver and proxy. */
  holdSession(login: Login): Promise<{ isOpen(): Promise<boolean>; close(): Promise<void> }>;
  /** Makes all slots idle and the network well again. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

/** What every driver promises, run against a real target. What does not apply follows from the driver's facts. */
export function conformsToDriverContract(name: string, makeWorld: () => Promise<DriverWorld>): void {
  describe(`${name} keeps the contract of target drivers`, () => {
    let world: DriverWorld;
    beforeAll(async () => void (world = await makeWorld()), 60_000);
    beforeEach(() => world.reset());
    afterAll(() => world?.close());

    const fresh = (slot = 0): Login => ({ username: world.slots[slot]!, password: world.driver.generate() });
    const probe = (login: Login, query = world.passingQuery) =>
      world.driver.probe(world.target, login, { query, timeoutMs: 1_500 });
    const verdictOf = async (login: Login) => (await probe(login)).verdict;
    async function set(login: Login): Promise<CommandOutcome> {
      const session = await world.driver.openSession(world.target, world.admin, '01TESTROTATION');
      try {
        return await session.set(login);
      } finally {
        await session.close();
      }
    }
    async function retire(username: string, endSessions = false): Promise<CommandOutcome> {
      const session = await world.driver.openSession(world.target, world.admin, '01TESTROTATION');
      try {
        return await session.retire(username, { endSessions });
      } finally {
        await session.close();
      }
    }
    const applied = { kind: 'applied' };

    describe('values', () => {
      it('generates values that differ, are long, and need no quoting in a URL or a shell', () => {
        const values = Array.from({ length: 200 }, () => unwrapSecret(world.driver.generate()));
        expect(new Set(values).size).toBe(200);
        for (const value of values) expect(value).toMatch(/^[A-Za-z0-9._~-]{32,}$/);
      });

      it('sets a value: it logs in, and a wrong one is refused on the same path', async () => {
        const login = fresh();
        expect(await verdictOf(login)).toBe('refused');
        expect(await set(login)).toEqual(applied);
        expect(await world.canLogIn(login)).toBe(true);
        expect(await verdictOf(login)).toBe('accepted');
        expect(await probe(fresh())).toMatchObject({ verdict: 'refused', refusedBy: 'authentication' });
      });

      it('replaces a value: the old one is refused', async () => {
        const [old, next] = [fresh(), fresh()];
        await set(old);
        expect(await set(next)).toEqual(applied);
        expect([await verdictOf(old), await verdictOf(next)]).toEqual(['refused', 'accepted']);
        expect(await world.canLogIn(old)).toBe(false);
      });

      it('changes nothing more when a step is run again', async () => {
        const login = fresh();
        expect([await set(login), await set(login)]).toEqual([applied, applied]);
        expect(await verdictOf(login)).toBe('accepted');
        expect([await retire(login.username), await retire(login.username)]).toEqual([applied, applied]);
        expect(await verdictOf(login)).toBe('refused');
      });

      it('keeps the slots apart', async () => {
        if (world.driver.facts.slots < 2) return;
        const [first, second] = [fresh(0), fresh(1)];
        await set(first);
        await set(second);
        expect([await verdictOf(first), await verdictOf(second)]).toEqual(['accepted', 'accepted']);
        await retire(first.username, true);
        expect([await verdictOf(first), await verdictOf(second)]).toEqual(['refused', 'accepted']);
      });
    });

    describe('retire', () => {
      it('ends the value and leaves open sessions alone', async () => {
        const login = fresh();
        await set(login);
        const session = await world.holdSession(login);
        expect(await retire(login.username)).toEqual(applied);
        expect(await world.canLogIn(login)).toBe(false);
        expect(await session.isOpen()).toBe(true);
        await session.close();
      });

      it('ends the open sessions as well when asked', async () => {
        const login = fresh();
        await set(login);
        const sessions = await Promise.all([world.holdSession(login), world.holdSession(login)]);
        expect(await retire(login.username, true)).toEqual(applied);
        expect(await Promise.all(sessions.map((session) => session.isOpen()))).toEqual([false, false]);
      });
    });

    describe('verification', () => {
      it('tells a failed verification apart from a refused value', async () => {
        const login = fresh();
        await set(login);
        expect(await probe(login, world.failingQuery)).toMatchObject({ verdict: 'refused', refusedBy: 'verification' });
      });

      it('gives a note and a duration with each verdict, and never the value', async () => {
        const login = fresh();
        await set(login);
        const found = await Promise.all([probe(login), probe(login, world.failingQuery), probe(fresh())]);
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
        world.proxy.arm({ kind: 'lose-answer', when: world.commandMark, client: 'reset' });
        expect((await set(login)).kind).toBe('lost');
        expect(world.proxy.fired.at(-1)?.kind).toBe('lose-answer');
        expect(await verdictOf(login)).toBe('accepted');
      });

      it('says lost when the target stays silent after a command', async () => {
        const login = fresh();
        world.proxy.arm({ kind: 'lose-answer', when: world.commandMark, client: 'silence' });
        expect((await set(login)).kind).toBe('lost');
        expect(await verdictOf(login)).toBe('accepted');
      });

      it('says lost when the command never arrived', async () => {
        const login = fresh();
        world.proxy.arm({ kind: 'lose-request', when: world.commandMark, client: 'reset' });
        expect((await set(login)).kind).toBe('lost');
        expect(await verdictOf(login)).toBe('refused');
      });

      it('says lost when the answer to a retire is lost', async () => {
        const login = fresh();
        await set(login);
        world.proxy.arm({ kind: 'lose-answer', when: world.commandMark, client: 'reset' });
        expect((await retire(login.username)).kind).toBe('lost');
        expect(await verdictOf(login)).toBe('refused');
      });

      it('errs, and refuses nothing, when a target cannot be reached, hangs or drops connections', async () => {
        const login = fresh();
        await set(login);
        await world.proxy.refuse();
        expect(await verdictOf(login)).toBe('errored');
        await world.proxy.reopen();
        world.proxy.weather({ kind: 'hang' });
        expect(await verdictOf(login)).toBe('errored');
        world.proxy.weather({ kind: 'clear' });
        world.proxy.arm({ kind: 'lose-request', client: 'reset' });
        expect(await verdictOf(login)).toBe('errored');
        expect(await verdictOf(login)).toBe('accepted');
      });
    });

    describe('abandoned attempts', () => {
      const bySession = () => world.driver.facts.abandonment.by === 'ending-session';

      it('ends a session so that its command can land no more', async () => {
        if (!bySession()) return;
        const login = fresh();
        const session = await world.driver.openSession(world.target, world.admin, '01TESTROTATION');
        world.proxy.arm({ kind: 'hold-request', when: world.commandMark, client: 'silence' });
        expect((await session.set(login)).kind).toBe('lost');
        expect(await world.driver.endSession(world.target, world.admin, session.identity)).toBe('ended');
        world.proxy.release();
        // Another command through the same server gives the late one every chance to land.
        await set(fresh(world.slots.length - 1));
        expect(await world.canLogIn(login)).toBe(false);
      });

      it('would land late otherwise', async () => {
        const login = fresh();
        world.proxy.arm({ kind: 'hold-request', when: world.commandMark, client: 'silence' });
        expect((await set(login)).kind).toBe('lost');
        expect(await verdictOf(login)).toBe('refused');
        world.proxy.release();
        await eventually(async () => expect(await world.canLogIn(login)).toBe(true));
      });

      it('ends a session that is gone already, as often as asked, and no other', async () => {
        if (!bySession()) return;
        const [gone, other] = await Promise.all(
          ['01GONE', '01OTHER'].map((marker) => world.driver.openSession(world.target, world.admin, marker)),
        );
        for (let round = 0; round < 2; round++)
          expect(await world.driver.endSession(world.target, world.admin, gone!.identity)).toBe('ended');
        const login = fresh();
        expect(await other!.set(login)).toEqual(applied);
        await expect(gone!.set(fresh())).rejects.toMatchObject({ code: 'session_ended' });
        expect(await verdictOf(login)).toBe('accepted');
        await Promise.all([gone!.close(), other!.close()]);
      });

      it('identifies a session by plain JSON', async () => {
        const session = await world.driver.openSession(world.target, world.admin, '01TESTROTATION');
        const copied: unknown = JSON.parse(JSON.stringify(session.identity));
        expect(copied).toEqual({ ...session.identity });
        await session.close();
        if (bySession())
          expect(await world.driver.endSession(world.target, world.admin, copied as typeof session.identity)).toBe(
            'ended',
          );
      });

      it('carries one command per session', async () => {
        const session = await world.driver.openSession(world.target, world.admin, '01TESTROTATION');
        await session.set(fresh());
        await expect(session.set(fresh())).rejects.toMatchObject({ code: 'session_used' });
        await session.close();
      });
    });

    describe('before anything is sent', () => {
      const failing = async (admin = world.admin): Promise<unknown> =>
        world.driver.openSession(world.target, admin, '01TESTROTATION').then(
          () => 'opened',
          (error: unknown) => error,
        );

      it.each([
        ['target_unreachable', () => world.proxy.refuse()],
        ['target_silent', async () => world.proxy.weather({ kind: 'hang' })],
      ])('says %s with what to do', async (code, breakIt) => {
        await breakIt();
        const error = await failing();
        if (!world.proxy.isListening()) await world.proxy.reopen();
        expect(isDomainError(error)).toBe(true);
        expect(error).toMatchObject({ code, kind: 'unavailable', details: { remedy: expect.any(String) } });
      });

      it('says admin_refused when the password of the admin is wrong, and does not show it', async () => {
        const wrong = { username: world.admin.username, password: new Secret('not-the-password-CANARY') };
        const error = await failing(wrong);
        expect(error).toMatchObject({ code: 'admin_refused', details: { remedy: expect.any(String) } });
        expect(JSON.stringify({ ...(error as Error), text: String(error) })).not.toContain('CANARY');
      });
    });

    describe('the plan', () => {
      const inspect = (admin = world.admin, slots = world.slots) =>
        world.driver.inspect(world.target, admin, {
          strategy: slots.length === 2 ? 'two-key' : 'immediate',
          slots,
          owner: world.owner,
          inUse: world.slots[0]!,
        });

      it('finds nothing wrong with a target in order, and changes nothing', async () => {
        const login = fresh();
        await set(login);
        const session = await world.holdSession(login);
        const { findings, sessions } = await inspect();
        expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
        expect(sessions).toBe(1);
        expect(await world.canLogIn(login)).toBe(true);
        expect(await session.isOpen()).toBe(true);
        await session.close();
      });

      it('turns a target that cannot be reached into a finding with a remedy', async () => {
        await world.proxy.refuse();
        const { findings, sessions } = await inspect();
        await world.proxy.reopen();
        expect(findings).toMatchObject([{ level: 'error', remedy: expect.any(String) }]);
        expect(sessions).toBeNull();
      });

      it('turns a wrong password of the admin into a finding', async () => {
        const { findings } = await inspect({ ...world.admin, password: new Secret('wrong') });
        expect(findings).toMatchObject([{ check: 'admin-login', level: 'error', remedy: expect.any(String) }]);
      });

      it('names a slot that does not exist', async () => {
        const { findings } = await inspect(world.admin, ['no_such_slot']);
        expect(findings.filter(({ level }) => level === 'error').map(({ message }) => message)).toContainEqual(
          expect.stringContaining('no_such_slot'),
        );
      });
    });
  });
}
