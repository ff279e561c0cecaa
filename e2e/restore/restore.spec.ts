import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Login } from '../harness/target.js';
import { eventually, PATIENCE_MS, placeOf, RestoreWorld } from './restore-world.js';

/** Rotated so often after the copy was made; with an odd number the value in use is in the other slot. */
const ROTATIONS = { even: 14, odd: 7 };
const SERVICES = ['even', 'odd', 'waiting'] as const;

describe('a copy of the data from before 20 rotations, put back', () => {
  let world: RestoreWorld;
  /** What applications use in truth, by service. */
  const live = new Map<string, Login>();
  /** What the copy takes for CURRENT. */
  const old = new Map<string, Login>();
  let openRotation = '';
  const expectLive = async () => {
    for (const [name, login] of live) expect([name, await world.accepts(name, login)]).toEqual([name, true]);
  };

  beforeAll(async () => {
    world = await RestoreWorld.start();
    for (const name of SERVICES) await world.addService(name, name === 'waiting' ? '1h' : '0s');
    for (const name of ['even', 'odd']) {
      await world.rotate(name);
      old.set(name, await world.valueOf(name));
    }
    // One that waits for its grace period: old and new value are both in use.
    old.set('waiting', await world.valueOf('waiting'));
    const { items } = await world.expect<{ items: unknown[] }>(world.installation, 'GET', '/services');
    expect(items).toHaveLength(SERVICES.length);
    openRotation = (await world.rotate('waiting', { until: ['verifying'] })).id;
    await eventually(async () => expect((await world.valueOf('waiting')).username).toBe('waiting_b'), PATIENCE_MS);

    await world.installation.stop();
    const copy = world.backUp();
    await world.installation.start();
    const rotateOften = async (name: 'even' | 'odd') => {
      for (let done = 0; done < ROTATIONS[name]; done++) await world.rotate(name);
    };
    await Promise.all([rotateOften('even'), rotateOften('odd')]);
    for (const name of SERVICES) live.set(name, await world.valueOf(name));
    await world.installation.stop();
    world.putBack(copy);
    await world.installation.start();
  }, 180_000);
  afterAll(() => world?.stop());

  it('starts in mode restored, and says so', async () => {
    expect(world.installation.program.stdout).toContain('The database seems to come from a copy.');
    const { code, stdout } = await world.installation.cli(['restore', 'status']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^! Restored since .*\(\d+ of \d+\)\.$/m),
    });
  });

  it('finds out by logging in what each target accepts, and changes nothing there', async () => {
    const before = await world.roles();
    await eventually(async () => {
      for (const name of ['even', 'odd']) {
        const { status, target, current_version, last_error } = await world.statusOf(name);
        expect({ name, status, verdict: target[current_version] }).toEqual({
          name,
          status: 'needs_operator',
          verdict: 'refused',
        });
        expect(last_error).toMatch(/refuses .*CURRENT/);
      }
      const { target } = await world.statusOf('waiting');
      expect(Object.values(target)).toEqual(['accepted', 'accepted']);
    }, PATIENCE_MS);
    expect(await world.roles()).toEqual(before);
    await expectLive();
    expect(await world.accepts('waiting', old.get('waiting')!)).toBe(true);
  });

  it('gives nothing out and rotates nothing, and what was open waits for a person', async () => {
    const before = await world.roles();
    for (const [method, path, body] of [
      ['POST', `${placeOf('odd')}/rotations`, {}],
      ['POST', `${placeOf('odd')}/check-outs`, {}],
      ['DELETE', placeOf('odd'), undefined],
      ['POST', `/rotations/${openRotation}/resume`, { reason: 'a test' }],
    ] as const)
      expect((await world.installation.api(method, path, { body })).body).toMatchObject({
        code: 'installation_restored',
      });
    expect(await world.settled(openRotation, ['needs_operator'])).toMatchObject({
      error: { message: expect.stringContaining('copy') },
    });
    expect(await world.roles()).toEqual(before);
    await expectLive();
  });

  describe('once a person has confirmed', () => {
    beforeAll(async () => {
      const words = ['restore', 'confirm', '--former-installation-is-off', '--reason', 'this is a test'];
      expect(await world.installation.cli(words)).toMatchObject({ code: 0 });
    });

    it('refuses to rotate what nobody knows here, says what to do, and ends nothing that is in use', async () => {
      const before = await world.roles();
      const { error } = await world.rotate('even', { until: ['failed'] });
      expect(error).toMatchObject({ code: 'current_refused', remedy: expect.stringMatching(/import/) });
      // The value in use is in the slot that the copy takes for idle.
      const refused = await world.installation.api('POST', `${placeOf('odd')}/rotations`, { body: {} });
      expect(refused.body).toMatchObject({
        code: 'target_not_ready',
        detail: expect.stringMatching(/^odd_a can log in although/),
      });
      expect(await world.roles()).toEqual(before);
      await expectLive();
    });

    it.each(['even', 'odd'])('rotates %s again when it was told the value in use', async (name) => {
      const shop = world.shops.get(name)!;
      await world.expect(world.installation, 'DELETE', placeOf(name));
      const request = world.target.requestFor({ ...shop, current: live.get(name)! }, name, 'production');
      await world.expect(world.installation, 'POST', '/services', request);
      await world.rotate(name);
      expect(await world.accepts(name, await world.valueOf(name))).toBe(true);
      expect(await world.accepts(name, live.get(name)!)).toBe(false);
      live.delete(name);
    });

    it('goes on with what was open when a person says so', async () => {
      await world.expect(world.installation, 'POST', `/rotations/${openRotation}/resume`, { reason: 'a test' });
      // It looks at the target first, and then says anew what it waits for.
      await eventually(
        async () =>
          expect(await world.settled(openRotation, ['verifying'])).toMatchObject({
            waitsFor: { reason: expect.stringContaining('grace period') },
          }),
        PATIENCE_MS,
      );
      await expectLive();
      expect(await world.accepts('waiting', old.get('waiting')!)).toBe(true);
    });
  });
});
