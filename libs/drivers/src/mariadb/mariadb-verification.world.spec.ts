import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Tenant, World } from '../kit/world.js';
import { startWorld } from './world.js';

describe('The verification query at MariaDB', () => {
  let world: World;
  let tenant: Tenant;
  beforeAll(async () => {
    world = await startWorld();
    tenant = await world.tenant('shop');
  }, 60_000);
  afterAll(() => world?.stop());

  it('writes nothing', async () => {
    const driver = world.driver();
    const password = driver.generate();
    const [slot] = tenant.slots;
    await tenant.set(slot, password);
    const login = { username: slot.login, password };
    const probe = (query: string) =>
      driver.probe(tenant.targetAt(world.address), login, { check: { query }, timeoutMs: 5_000 });
    expect(await probe('CREATE TABLE kept (x INT)')).toMatchObject({ verdict: 'refused', refusedBy: 'verification' });
    expect(await probe('SELECT * FROM kept')).toMatchObject({ verdict: 'refused', refusedBy: 'verification' });
    expect(await probe('SELECT 1')).toMatchObject({ verdict: 'accepted' });
  });
});
