import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { copyFolder, Installation, newHome } from '../installation/installation.js';
import { placeOf, RestoreWorld } from './restore-world.js';

/** Data, key and mark were copied together, as a copied machine or folder has them: the mark does not tell them apart. */
describe('two installations started from one copy', () => {
  let world: RestoreWorld;
  let other: Installation;
  beforeAll(async () => {
    world = await RestoreWorld.start();
    await world.addService('shop');
    await world.installation.stop();
    const home = newHome();
    copyFolder(world.installation.folder, home);
    await world.installation.start();
    other = await Installation.start(home);
  }, 120_000);
  afterAll(async () => {
    await other?.remove();
    await world?.stop();
  });

  it('leave what the other one has rotated before them', async () => {
    await world.rotate('shop');
    const value = await world.valueOf('shop');
    const before = await world.roles();
    const { status, body } = await other.api('POST', `${placeOf('shop')}/rotations`, {});
    expect({ status, body }).toMatchObject({ status: 422, body: { code: 'target_not_ready' } });
    expect(await world.roles()).toEqual(before);
    expect(await world.accepts('shop', value)).toBe(true);
  });

  // They are not kept from rotating at the same moment: then each may set the idle slot and retire the other one, and a
  // rollback of one ends the new value of the other. It holds once the mark knows the place where it lies.
  it.failing('hold still where the copy lies, until a person confirms that the former one is off', async () => {
    expect((await other.api('GET', '/installation')).body).toMatchObject({ mode: 'restored' });
  });
});
