import { databaseNowMs } from '../database/clock.repository.js';
import { noOpenRotations } from '../open-rotations.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Actor } from '@dsops/contracts/principal';
import { execute, query, sql, withClient } from '@dsops/database';
import { isDomainError, newId, unwrapSecret } from '@dsops/kernel';
import type { Caller } from '@dsops/platform';
import { eventually } from '@dsops/testing';
import { openInstallation } from '../installation/installation.fixture.js';
import type { InstallationService } from '../installation/installation.service.js';
import type { RegisteredService } from '../registry/service.js';
import { CheckOutRepository } from './check-out.repository.js';
import { CheckOutService, type CheckOutParts, type CheckOutRequest } from './check-out.service.js';
import { openRotationDatabase, type RotationDatabase } from '../vault/rotation-database.fixture.js';
import type { Tx } from '../database/tx.js';

const actor: Actor = { kind: 'api_key', id: 'k1', name: 'payments' };
const caller: Caller = { actor, role: 'operator' };
let world: RotationDatabase;
let opened: Awaited<ReturnType<typeof openInstallation>>;
let installation: InstallationService;
let service: RegisteredService;
let checkOuts: CheckOutService;
let parts: CheckOutParts;
const repository = new CheckOutRepository();

beforeAll(async () => {
  world = await openRotationDatabase();
  opened = await openInstallation(world);
  installation = opened.installation;
  const { units, versions, vault, registry } = world;
  const highWaterMark = opened.mark;
  parts = {
    units,
    checkOuts: repository,
    versions,
    vault,
    registry,
    installation,
    highWaterMark,
    openRotations: noOpenRotations,
  };
  checkOuts = new CheckOutService(parts);
}, 60_000);
beforeEach(async () => void (service = await world.addService()));
afterAll(async () => {
  await world.close();
  await opened.close();
});

const asked = (facts: Partial<CheckOutRequest> = {}): CheckOutRequest => ({
  environment: service.environment,
  service: service.name,
  ttl: '1h',
  purpose: 'nightly report',
  actor,
  idempotencyKey: newId(),
  ...facts,
});
const inTx = <R>(work: (tx: Tx) => Promise<R>): Promise<R> => world.database.$transaction(work);
const events = (type: string) =>
  query<{ data: Record<string, unknown> }>(
    world.database,
    sql`select data from outbox where key = ${service.id} and type like ${`%${type}%`}`,
  );
const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'granted',
    (error: unknown) => (isDomainError(error) ? error.code : String(error)),
  );

describe('a check-out', () => {
  it('gives CURRENT with all that belongs to it, and says to whom', async () => {
    const version = await world.addVersion(service, 'CURRENT', 'value-1', 'shop_a');
    const given = await checkOuts.grant(asked());
    expect(given).toMatchObject({ version: version.name, target: service.target });
    expect([given.login.username, unwrapSecret(given.login.password)]).toEqual(['shop_a', 'value-1']);
    expect(await repository.find(world.database, given.checkOut.id)).toMatchObject({
      versionId: version.id,
      principal: actor,
      purpose: 'nightly report',
    });
    const [granted, ...more] = await events('check_out.granted');
    expect(more).toEqual([]);
    expect(granted?.data).toMatchObject({ checkOutId: given.checkOut.id, version: version.name, actor });
    expect(JSON.stringify(granted)).not.toContain('value-1');
  });

  it('lasts as long as was asked, and a day at most', async () => {
    await world.addVersion(service, 'CURRENT');
    const { checkOut } = await checkOuts.grant(asked({ ttl: '90s' }));
    expect(checkOut.expiresAt.getTime() - checkOut.grantedAt.getTime()).toBe(90_000);
    for (const ttl of ['0.5s', '25h', '0'])
      expect(await codeOf(checkOuts.grant(asked({ ttl })))).toBe('ttl_out_of_range');
    expect(await codeOf(checkOuts.grant(asked({ ttl: 'soon' })))).toBe('duration_invalid');
  });

  it('keeps the version alive until it is released or over', async () => {
    const version = await world.addVersion(service, 'CURRENT');
    const [one, two] = [await checkOuts.grant(asked()), await checkOuts.grant(asked({ ttl: '2h' }))];
    const nowMs = await databaseNowMs(world.database);
    const holds = (atMs: number) => repository.holdsOf(world.database, version.id, atMs);
    expect((await holds(nowMs)).map(({ id }) => id).sort()).toEqual([one.checkOut.id, two.checkOut.id].sort());
    await checkOuts.release(two.checkOut.id, caller);
    await checkOuts.release(two.checkOut.id, caller);
    const { id, grantedAt, expiresAt } = one.checkOut;
    expect(await holds(nowMs)).toEqual([{ id, grantedAtMs: grantedAt.getTime(), expiresAtMs: expiresAt.getTime() }]);
    expect(await holds(nowMs + 3_600_001)).toEqual([]);
    expect(await events('check_out.released')).toHaveLength(1);
  });

  it('gives the same value for the same request, for no longer, and stores it nowhere', async () => {
    const first = await world.addVersion(service, 'CURRENT', 'canary-current', 'shop_a');
    const request = asked({ idempotencyKey: 'key-1' });
    const one = await checkOuts.grant(request);
    // A promotion in between: the same check-out goes on naming the value that it was for.
    const next = await world.addVersion(service, 'PENDING', 'value-next', 'shop_b');
    await inTx((tx) => world.vault.promote(tx, service.credential.id, next.id, first.id));
    const two = await checkOuts.grant(request);
    expect(two.checkOut).toEqual(one.checkOut);
    expect(unwrapSecret(two.login.password)).toBe('canary-current');
    expect(await events('check_out.granted')).toHaveLength(1);
    expect(await codeOf(checkOuts.grant({ ...request, ttl: '2h' }))).toBe('idempotency_key_reused');
    const rows = await query(
      world.database,
      sql`select c::text, (select json_agg(r)::text from requests r) from check_outs c`,
    );
    expect(JSON.stringify(rows)).not.toContain('canary-current');
    await checkOuts.release(one.checkOut.id, caller);
    expect(await codeOf(checkOuts.grant(request))).toBe('check_out_over');
  });

  it('is one, when the same request comes twice at the same moment', async () => {
    await world.addVersion(service, 'CURRENT');
    const request = asked({ idempotencyKey: 'key-twice' });
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => checkOuts.grant(request).catch((error: unknown) => error)),
    );
    const ids = answers.flatMap((answer) =>
      isDomainError(answer) ? [] : [(answer as { checkOut: { id: string } }).checkOut.id],
    );
    expect(new Set(ids).size).toBe(1);
    for (const answer of answers.filter(isDomainError)) expect(answer.code).toBe('idempotency_key_in_use');
    expect(await events('check_out.granted')).toHaveLength(1);
  });

  it('is refused without a service or a current value', async () => {
    expect(await codeOf(checkOuts.grant(asked({ service: 'nobody' })))).toBe('service_unknown');
    await world.addVersion(service, 'PENDING');
    await world.addVersion(service, 'PREVIOUS');
    expect(await codeOf(checkOuts.grant(asked()))).toBe('no_current');
    expect(await codeOf(checkOuts.release('01JD0000000000000000000009', caller))).toBe('check_out_unknown');
  });

  it('is given to nobody once the guard has let the end of the value pass, not even again', async () => {
    const version = await world.addVersion(service, 'CURRENT');
    const request = asked({ idempotencyKey: 'key-2' });
    await checkOuts.grant(request);
    await inTx(async (tx) => {
      await world.vault.lock(tx, version.id);
      await world.vault.intendEnd(tx, version.id, new Date());
    });
    expect(await codeOf(checkOuts.grant(asked()))).toBe('value_ending');
    expect(await codeOf(checkOuts.grant(request))).toBe('value_ending');
    await inTx((tx) => world.vault.withdrawEnd(tx, version.id));
    expect(await codeOf(checkOuts.grant(asked()))).toBe('granted');
  });

  it('says that the disk is full where that is why the value is still being replaced', async () => {
    const version = await world.addVersion(service, 'CURRENT');
    await inTx(async (tx) => {
      await world.vault.lock(tx, version.id);
      await world.vault.intendEnd(tx, version.id, new Date());
    });
    // What a full disk answers to whoever writes to it: here in place of a function that the look at the disk uses.
    await withClient(world.test.adminUrl, (admin) =>
      admin.query(`create function rotation.repeat(text, integer) returns text language plpgsql as $$
        begin raise exception 'could not write to file: No space left on device' using errcode = 'disk_full'; end $$`),
    );
    const units: typeof world.units = {
      run: (work) =>
        world.units.run(async (unit) => {
          await execute(unit.tx, sql`set local search_path = rotation, pg_catalog`);
          return work(unit);
        }),
    };
    expect(await codeOf(new CheckOutService({ ...parts, units }).grant(asked()))).toBe('database_full');
    expect(await codeOf(checkOuts.grant(asked()))).toBe('value_ending');
  });

  it('and the guard wait for each other: either the hold is seen, or no value is given', async () => {
    const version = await world.addVersion(service, 'CURRENT');
    for (let round = 0; round < 10; round++) {
      const [granted, seen] = await Promise.all([
        codeOf(checkOuts.grant(asked())),
        inTx(async (tx) => {
          await world.vault.lock(tx, version.id);
          const holds = await repository.holdsOf(tx, version.id, await databaseNowMs(tx));
          await world.vault.intendEnd(tx, version.id, new Date());
          return holds.length;
        }),
      ]);
      expect([granted, seen]).toEqual(granted === 'granted' ? ['granted', 1] : ['value_ending', 0]);
      await execute(world.database, sql`delete from check_outs where version_id = ${version.id}`);
      await inTx((tx) => world.vault.withdrawEnd(tx, version.id));
    }
  });

  it('that waits for a promotion gives the value that became CURRENT', async () => {
    const old = await world.addVersion(service, 'CURRENT', 'old', 'shop_a');
    const next = await world.addVersion(service, 'PENDING', 'next', 'shop_b');
    let answer: Promise<string> | undefined;
    await inTx(async (tx) => {
      await world.vault.promote(tx, service.credential.id, next.id, old.id);
      answer = checkOuts.grant(asked()).then(({ login }) => unwrapSecret(login.password));
      await eventually(async () => {
        const [row] = await query<{ waiting: number }>(
          world.database,
          sql`select count(*)::int as waiting from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'`,
        );
        expect(row?.waiting).toBe(1);
      });
    });
    expect(await answer).toBe('next');
  });

  it('is released by its holder, or by an admin', async () => {
    await world.addVersion(service, 'CURRENT');
    const { checkOut } = await checkOuts.grant(asked());
    const other: Actor = { kind: 'api_key', id: 'k2', name: 'reports' };
    expect(await codeOf(checkOuts.release(checkOut.id, { actor: other, role: 'operator' }))).toBe(
      'check_out_of_another',
    );
    expect(await codeOf(checkOuts.release(checkOut.id, { actor: other, role: 'admin' }))).toBe('granted');
  });

  it('is refused while the installation is restored', async () => {
    await world.addVersion(service, 'CURRENT');
    await installation.enterRestored('a test');
    expect(await codeOf(checkOuts.grant(asked()))).toBe('installation_restored');
    await installation.confirmRestore({ actor, reason: 'done', key: newId() });
    expect(await codeOf(checkOuts.grant(asked()))).toBe('granted');
  });

  it('fails before anything is stored when the sealed value is damaged', async () => {
    const version = await world.addVersion(service, 'CURRENT');
    await execute(
      world.database,
      sql`update sealed_values set tag = decode(repeat('00', 16), 'hex') where owner_id = ${version.id}`,
    );
    expect(await codeOf(checkOuts.grant(asked()))).toBe('sealed_value_damaged');
    expect(await events('check_out')).toEqual([]);
  });
});
