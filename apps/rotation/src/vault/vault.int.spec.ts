import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Secret, unwrapSecret } from '@dsops/kernel';
import type { RegisteredService } from '../registry/service.js';
import { aKey, openRotationDatabase, type RotationDatabase } from './rotation-database.fixture.js';
import { Sealer } from '@dsops/sealing';
import type { Tx } from '../database/tx.js';
import { VaultService } from './vault.service.js';

let world: RotationDatabase;
beforeAll(async () => void (world = await openRotationDatabase()), 60_000);
afterAll(() => world.close());

const inTx = <R>(work: (tx: Tx) => Promise<R>): Promise<R> => world.database.$transaction(work);
const labels = async ({ credential }: RegisteredService) =>
  Object.fromEntries((await world.vault.versionsOf(world.database, credential.id)).map(({ id, label }) => [id, label]));
const onServer = async (statement: string, values: unknown[] = []) => {
  const client = new pg.Client({ connectionString: world.test.adminUrl });
  await client.connect();
  try {
    return (await client.query(statement, values)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
};

describe('the vault', () => {
  it('gives back the login that was sealed, and holds no trace of its value in any column', async () => {
    const value = 'canary-0x7f3e-value';
    const service = await world.addService();
    const version = await world.addVersion(service, 'PENDING', value, 'shop_b');
    const login = await world.vault.open(world.database, version.id);
    expect(login.username).toBe('shop_b');
    expect(unwrapSecret(login.password)).toBe(value);
    for (const table of ['versions', 'sealed_values', 'services', 'credentials']) {
      const rows = JSON.stringify(await onServer(`select t::text from rotation.${table} t`));
      expect(rows).not.toContain(value);
      expect(rows).not.toContain(Buffer.from(value).toString('hex'));
    }
  });

  it('opens no value that was moved to another version, slot or credential', async () => {
    const service = await world.addService();
    const one = await world.addVersion(service, 'CURRENT', 'one', 'shop_a');
    const two = await world.addVersion(service, 'PENDING', 'two', 'shop_b');
    const swap = `update rotation.sealed_values set owner_id = case owner_id when $1 then $2 else $1 end where owner_id in ($1, $2)`;
    await onServer('alter table rotation.sealed_values drop constraint sealed_values_pkey');
    await onServer(swap, [one.id, two.id]);
    for (const { id } of [one, two])
      await expect(world.vault.open(world.database, id)).rejects.toMatchObject({ code: 'sealed_value_damaged' });
    await onServer(swap, [one.id, two.id]);
    await onServer('alter table rotation.sealed_values add primary key (owner_kind, owner_id)');
    await onServer(`update rotation.versions set slot = 'shop_c' where id = $1`, [one.id]);
    await expect(world.vault.open(world.database, one.id)).rejects.toMatchObject({ code: 'sealed_value_damaged' });
    expect(await world.vault.isSealed(world.database, one.id)).toBe(false);
    expect(await world.vault.isSealed(world.database, two.id)).toBe(true);
  });

  it('says that another key is needed instead of calling the value damaged', async () => {
    const service = await world.addService();
    const version = await world.addVersion(service, 'CURRENT');
    const other = new VaultService(new Sealer(aKey()), world.versions);
    await expect(other.open(world.database, version.id)).rejects.toMatchObject({ code: 'key_missing' });
  });

  it('keeps the admin password for its service and its name only', async () => {
    const service = await world.addService();
    const admin = { username: 'shop_admin', password: new Secret('admin-value') };
    await inTx((tx) => world.vault.sealAdmin(tx, service.id, admin));
    expect(
      unwrapSecret(
        (await world.vault.openAdmin(world.database, { id: service.id, adminUsername: 'shop_admin' }))!.password,
      ),
    ).toBe('admin-value');
    await expect(
      world.vault.openAdmin(world.database, { id: service.id, adminUsername: 'postgres' }),
    ).rejects.toMatchObject({
      code: 'sealed_value_damaged',
    });
  });
});

describe('labels', () => {
  it('move together: PENDING becomes CURRENT, CURRENT becomes PREVIOUS, PREVIOUS is let go', async () => {
    const service = await world.addService();
    const [a, b, c] = [
      await world.addVersion(service, 'PREVIOUS'),
      await world.addVersion(service, 'CURRENT'),
      await world.addVersion(service, 'PENDING'),
    ];
    const promote = () => inTx((tx) => world.vault.promote(tx, service.credential.id, c.id, b.id));
    expect(await promote()).toBe(true);
    expect(await labels(service)).toEqual({ [a.id]: null, [b.id]: 'PREVIOUS', [c.id]: 'CURRENT' });
    // Running the step again changes nothing more (I6).
    expect(await promote()).toBe(true);
    expect(await labels(service)).toEqual({ [a.id]: null, [b.id]: 'PREVIOUS', [c.id]: 'CURRENT' });
  });

  it('do not move when another version is CURRENT than the one that was seen', async () => {
    const service = await world.addService();
    const [current, pending] = [await world.addVersion(service, 'CURRENT'), await world.addVersion(service, 'PENDING')];
    const before = await labels(service);
    for (const from of [null, pending.id])
      expect(await inTx((tx) => world.vault.promote(tx, service.credential.id, pending.id, from))).toBe(false);
    const moves = [
      { versionId: current.id, from: 'CURRENT', to: 'PREVIOUS' },
      { versionId: pending.id, from: null, to: 'CURRENT' },
    ] as const;
    expect(await inTx((tx) => world.vault.moveLabels(tx, service.credential.id, moves))).toBe(false);
    expect(await labels(service)).toEqual(before);
  });

  it('never make a second CURRENT, whatever is asked at once', async () => {
    const service = await world.addService();
    const current = await world.addVersion(service, 'CURRENT');
    const pending = await world.addVersion(service, 'PENDING');
    const move = { versionId: pending.id, from: 'PENDING', to: 'CURRENT' } as const;
    expect(await inTx((tx) => world.vault.moveLabels(tx, service.credential.id, [move]))).toBe(false);
    const race = await Promise.all(
      Array.from({ length: 6 }, () =>
        inTx((tx) => world.vault.promote(tx, service.credential.id, pending.id, current.id)).catch(() => 'rolled back'),
      ),
    );
    expect(race).toContain(true);
    expect(await labels(service)).toEqual({ [current.id]: 'PREVIOUS', [pending.id]: 'CURRENT' });
    await expect(world.addVersion(service, 'CURRENT')).rejects.toThrow();
  });

  it('never make a burned value CURRENT or PENDING again', async () => {
    const service = await world.addService();
    const [old, current] = [await world.addVersion(service, 'PREVIOUS'), await world.addVersion(service, 'CURRENT')];
    await inTx((tx) => world.vault.burn(tx, old.id, new Date()));
    expect(await inTx((tx) => world.vault.promote(tx, service.credential.id, old.id, current.id))).toBe(false);
    expect((await labels(service))[current.id]).toBe('CURRENT');
  });
});

describe('versions', () => {
  it('come newest first; with a limit the labelled ones are never left out', async () => {
    const service = await world.addService();
    const old = await world.addVersion(service, 'CURRENT');
    const ids = [old.id];
    for (let i = 0; i < 5; i++) {
      const { id } = await world.addVersion(service, 'PENDING');
      ids.unshift(id);
      const moves = [{ versionId: id, from: 'PENDING', to: null }] as const;
      await inTx((tx) => world.vault.moveLabels(tx, service.credential.id, moves));
    }
    const list = async (limit?: number) =>
      (await world.vault.versionsOf(world.database, service.credential.id, limit)).map(({ id }) => id);
    expect(await list()).toEqual(ids);
    expect(await list(2)).toEqual([ids[0], ids[1], old.id]);
    expect(await list(6)).toEqual(ids);
  });
});

describe('keeping', () => {
  const sealedIds = async () =>
    (await onServer('select owner_id from rotation.sealed_values')).map(({ owner_id }) => owner_id);
  const age = (column: string, table: string, id: string, days: number) =>
    onServer(`update rotation.${table} set ${column} = now() - make_interval(days => $2) where id = $1`, [id, days]);

  it('forgets an ended value after 30 days and no value that may live', async () => {
    const service = await world.addService();
    const [young, old, current] = [
      await world.addVersion(service, 'PENDING'),
      await world.addVersion(service, 'PREVIOUS'),
      await world.addVersion(service, 'CURRENT'),
    ];
    for (const { id } of [young, old]) await inTx((tx) => world.vault.end(tx, id, new Date()));
    await age('ended_at', 'versions', young.id, 29);
    await age('ended_at', 'versions', old.id, 31);
    await inTx((tx) => world.vault.destroyExpired(tx));
    // Ended early, as an emergency does, and not replaced yet: CURRENT is kept whatever its age.
    await age('ended_at', 'versions', current.id, 31);
    await inTx((tx) => world.vault.destroyExpired(tx));
    const ids = await sealedIds();
    expect(ids).toEqual(expect.arrayContaining([young.id, current.id]));
    expect(ids).not.toContain(old.id);
    await expect(world.vault.open(world.database, old.id)).rejects.toMatchObject({ code: 'value_destroyed' });
  });

  it('forgets everything of a service 30 days after it was removed', async () => {
    const service = await world.addService();
    const current = await world.addVersion(service, 'CURRENT');
    await inTx((tx) => world.vault.sealAdmin(tx, service.id, { username: 'a', password: new Secret('b') }));
    await age('removed_at', 'services', service.id, 29);
    await inTx((tx) => world.vault.destroyExpired(tx));
    expect(await sealedIds()).toEqual(expect.arrayContaining([current.id, service.id]));
    await age('removed_at', 'services', service.id, 31);
    await inTx((tx) => world.vault.destroyExpired(tx));
    expect(await sealedIds()).not.toEqual(expect.arrayContaining([current.id]));
    expect(await sealedIds()).not.toContain(service.id);
  });
});
