import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HomeFolder } from '../harness/home-folder.js';
import { InstalledProduct } from '../harness/installation.js';
import { placeOf, RestoreWorld } from './restore-world.js';

/** Data, key and mark were copied together, as a copied folder has them: the mark tells that it lies elsewhere. */
describe('two installations started from one copy', () => {
  let world: RestoreWorld;
  let other: InstalledProduct;
  beforeAll(async () => {
    world = await RestoreWorld.start();
    await world.addService('shop');
    await world.installation.stop();
    const home = HomeFolder.copyOf(world.installation.home);
    await world.installation.start();
    other = await InstalledProduct.start(home);
  }, 120_000);
  afterAll(async () => {
    await other?.remove();
    await world?.stop();
  });

  it('hold still where the copy lies, until a person confirms that the former one is off', async () => {
    await world.rotate('shop');
    const before = await world.roles();
    const installation = await other.api('GET', '/installation');
    expect(installation.body).toMatchObject({ mode: 'restored', reason: expect.stringContaining('moved or copied') });
    const { status, body } = await other.api('POST', `${placeOf('shop')}/rotations`, { body: {} });
    expect({ status, body }).toMatchObject({ status: 422, body: { code: 'installation_restored' } });
    expect(await world.roles()).toEqual(before);
  });

  it('go on where they were', async () => {
    await world.rotate('shop');
    expect(await world.accepts('shop', await world.valueOf('shop'))).toBe(true);
  });
});
