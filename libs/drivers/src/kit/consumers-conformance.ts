import { describe, expect, it } from '@jest/globals';
import { eventually, type FaultProxy } from '@dsops/testing';
import type { Administration, CommandOutcome, Login, Slot, TargetDriver } from '../driver.js';
import type { Tenant } from './world.js';

/** A value for a slot, and the login that shows whether it works. */
export interface Value extends Login {
  readonly slot: Slot;
}

export interface ConsumersUnderTest {
  readonly driver: TargetDriver;
  readonly tenant: Tenant;
  readonly proxy: FaultProxy;
  at(): Administration;
  fresh(): Value;
  set(value: Value): Promise<CommandOutcome>;
}

/** What every driver promises about who uses a login. */
export function tellsWhoUsesALogin(world: () => ConsumersUnderTest): void {
  describe('consumers', () => {
    const seen = async (...slots: Slot[]) => world().driver.consumers(world().at(), slots);

    it('names who has a session with the login of a slot, and says what it cannot see', async () => {
      const { driver, tenant, fresh, set } = world();
      const login = fresh();
      await set(login);
      // A session of before may still be on its way out.
      await eventually(async () => expect((await seen(login.slot)).sessions).toEqual([]));
      const session = await tenant.holdSession(login);
      const found = await seen(login.slot);
      expect(found).toMatchObject({ isWhole: true, sessions: [{ login: login.username }] });
      const hidden = found.blindSpots.length > 0 ? 'hidden, and said so' : 'hidden';
      expect(found.sessions[0]?.address ?? hidden).toMatch(/^(127\.0\.0\.1|localhost|::1|hidden, and said so)$/);
      expect(await session.isOpen()).toBe(true);
      await session.close();
      await eventually(async () => expect((await seen(login.slot)).sessions).toEqual([]));
      expect(driver.facts.evidence?.blindSpots.length).toBeGreaterThan(0);
    });

    it('throws what keeps it from looking, as it does for a session', async () => {
      const { proxy, tenant } = world();
      await proxy.refuse();
      await expect(seen(tenant.slots[0])).rejects.toMatchObject({ code: 'target_unreachable' });
      await proxy.reopen();
    });
  });
}
