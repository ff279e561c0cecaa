import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Actor } from '@dsops/contracts/principal';
import { execute, query, sql } from '@dsops/database';
import { newId } from '@dsops/kernel';
import { eventually, testServerUrl, type TestDatabase } from '@dsops/testing';
import { databaseNowMs } from '../database/clock.repository.js';
import { noOpenRotations, type OpenRotations } from '../open-rotations.js';
import { CheckOutRepository } from '../check-out/check-out.repository.js';
import { aKey, openRotationDatabase, type RotationDatabase } from '../vault/rotation-database.fixture.js';
import type { ServiceKey } from '@dsops/sealing';
import { HighWaterMark } from './high-water-mark.service.js';
import { InstallationRepository } from './installation.repository.js';
import { buildInstallation } from './installation.fixture.js';
import type { InstallationService } from './installation.service.js';
import { MarkFile } from './mark-file.js';

const person: Actor = { kind: 'user', id: 'u1', name: 'Ann' };
const HOUR_MS = 3_600_000;

/** One process of dsops: a database, and a folder with the mark. */
interface Running {
  readonly world: RotationDatabase;
  readonly installation: InstallationService;
  readonly mark: HighWaterMark;
  readonly held: string[];
  stop(): Promise<void>;
}

let home: string;
let open: (() => Promise<void>)[] = [];
const key = aKey();
beforeEach(async () => void (home = await mkdtemp(join(tmpdir(), 'dsops-home-'))));
afterEach(async () => {
  for (const close of open.reverse()) await close();
  open = [];
  await rm(home, { recursive: true });
});

const markPath = (folder = home) => join(folder, 'mark.json');

async function start(options: { on?: TestDatabase; markAt?: string; key?: ServiceKey } = {}): Promise<Running> {
  const world = await openRotationDatabase(options.key ?? key, options.on);
  const held: string[] = [];
  const openRotations: OpenRotations = {
    ...noOpenRotations,
    holdForRestore: async (_, reason) => void held.push(reason),
  };
  const { installation, mark } = buildInstallation(world, options.markAt ?? markPath(), openRotations);
  let isUp = true;
  const stop = async () => {
    if (isUp) await world.database.$disconnect();
    isUp = false;
  };
  open.push(options.on === undefined ? async () => (await stop(), world.test.drop()) : stop);
  await installation.open();
  return { world, installation, mark, held, stop };
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: testServerUrl() });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A copy of a database that nobody uses at the moment. */
async function copyOf({ world, stop }: Running): Promise<TestDatabase> {
  await stop();
  const name = `${world.test.options.database}_copy_${open.length}`;
  await onServer(`create database ${name} template ${world.test.options.database} strategy file_copy`);
  open.push(() => onServer(`drop database ${name} with (force)`));
  return { ...world.test, options: { ...world.test.options, database: name }, adminUrl: testServerUrl(name) };
}

const modeOf = async ({ installation }: Running) => (await installation.current()).mode;

describe('an installation', () => {
  it('is normal from its first start on, whatever it has done, and through crashes before the mark is written', async () => {
    const first = await start();
    expect(await modeOf(first)).toBe('normal');
    await first.world.addService();
    for (let i = 0; i < 3; i++) await first.mark.advance();
    expect(JSON.parse(await readFile(markPath(), 'utf8'))).toMatchObject({ highWater: '3' });
    // Killed after the database has committed and before the mark was written.
    await execute(first.world.database, sql`update installation set high_water = high_water + 1`);
    const second = await start({ on: first.world.test });
    expect(await modeOf(second)).toBe('normal');
    expect(JSON.parse(await readFile(markPath(), 'utf8'))).toMatchObject({ highWater: '4' });
    expect(second.held).toEqual([]);
  });

  it('starts while another process stands still in the middle of a change', async () => {
    const first = await start();
    const url = Object.assign(new URL(testServerUrl()), { pathname: first.world.test.options.database });
    const stuck = new pg.Client({ connectionString: url.href });
    await stuck.connect();
    try {
      await stuck.query('begin');
      await stuck.query('update rotation.installation set high_water = high_water + 1');
      const second = await start({ on: first.world.test });
      expect((await second.installation.current()).mode).toBe('normal');
    } finally {
      await stuck.end();
    }
  });

  it('is restored when its database is a copy from before the last effect, and does nothing then', async () => {
    const former = await start();
    await former.mark.advance();
    const copy = await copyOf(former);
    const later = await start({ on: former.world.test });
    await later.mark.advance();
    await later.stop();

    const restored = await start({ on: copy });
    expect(await restored.installation.current()).toMatchObject({
      mode: 'restored',
      reason: 'The database is older than the last change that dsops made (1 of 2).',
    });
    expect(restored.held).toHaveLength(1);
    await expect(restored.mark.advance()).rejects.toMatchObject({ code: 'installation_restored' });
    await expect(
      restored.world.database.$transaction((tx) => restored.installation.assertNormal(tx)),
    ).rejects.toMatchObject({ code: 'installation_restored' });
    expect(JSON.parse(await readFile(markPath(), 'utf8'))).toMatchObject({ highWater: '2' });
    // It stays so at the next start, and rotations are held again.
    const again = await start({ on: copy });
    expect(await modeOf(again)).toBe('restored');
    expect(again.held).toHaveLength(1);
  });

  it('is restored when it is not empty and its mark is gone or damaged', async () => {
    const former = await start();
    await former.world.addService();
    await unlink(markPath());
    expect(await modeOf(await start({ on: former.world.test }))).toBe('restored');

    const other = await start({ markAt: join(home, 'other.json') });
    await writeFile(join(home, 'other.json'), '{');
    expect(await modeOf(await start({ on: other.world.test, markAt: join(home, 'other.json') }))).toBe('restored');
  });

  it('is restored when a new database stands where one with changes was', async () => {
    const former = await start();
    await former.mark.advance();
    const anew = await start();
    expect(await modeOf(anew)).toBe('restored');
  });

  it('notices that its database was exchanged under it, before the next effect', async () => {
    const running = await start();
    await running.mark.advance();
    await running.mark.advance();
    await execute(running.world.database, sql`update installation set high_water = high_water - 2`);
    await expect(running.mark.advance()).rejects.toMatchObject({ code: 'installation_restored' });
    expect(await modeOf(running)).toBe('restored');
    expect(running.held).toHaveLength(1);
  });

  it('goes on after a person has confirmed, as another installation with a new epoch', async () => {
    const former = await start();
    await former.mark.advance();
    await unlink(markPath());
    const restored = await start({ on: former.world.test });
    const service = await restored.world.addService();
    const version = await restored.world.addVersion(service, 'CURRENT');
    const before = await restored.installation.current();
    await restored.installation.confirmRestore({ actor: person, reason: 'the old machine is gone', key: newId() });

    const after = await restored.installation.current();
    expect(after).toMatchObject({ mode: 'normal', since: null, reason: null });
    expect(after.id).not.toBe(before.id);
    await restored.mark.advance();
    expect(await modeOf(await start({ on: former.world.test }))).toBe('normal');

    const said = await query<{ epoch: number; data: { reason: string } }>(
      restored.world.database,
      sql`select epoch, data from outbox where type = 'dsops.rotation.installation.restore_confirmed.v1'`,
    );
    expect(said).toEqual([{ epoch: 2, data: { reason: 'the old machine is gone', actor: person } }]);

    // Values that the former installation may have given out keep versions alive for the longest time there is.
    const nowMs = await databaseNowMs(restored.world.database);
    const holds = await new CheckOutRepository().holdsOf(restored.world.database, version.id, nowMs);
    expect(holds).toEqual([{ id: 'unknown', grantedAtMs: null, expiresAtMs: expect.any(Number) }]);
    expect(holds[0]!.expiresAtMs - nowMs).toBeGreaterThan(23.9 * HOUR_MS);
    expect(await new CheckOutRepository().holdsOf(restored.world.database, version.id, nowMs + 24 * HOUR_MS)).toEqual(
      [],
    );
    const younger = await restored.world.addVersion(service, 'PENDING');
    expect(await new CheckOutRepository().holdsOf(restored.world.database, younger.id, nowMs)).toEqual([]);
    await expect(
      restored.installation.confirmRestore({ actor: person, reason: 'once more', key: newId() }),
    ).rejects.toMatchObject({ code: 'not_restored' });
  });

  it('is confirmed once, however often the request comes, and a late repetition takes no mark back', async () => {
    const former = await start();
    await former.mark.advance();
    await unlink(markPath());
    const restored = await start({ on: former.world.test });
    const confirmation = { actor: person, reason: 'gone', key: newId() };
    await restored.installation.confirmRestore(confirmation);
    const { id } = await restored.installation.current();
    await restored.mark.advance();
    const mark = await readFile(markPath(), 'utf8');
    await restored.installation.confirmRestore(confirmation);
    expect((await restored.installation.current()).id).toBe(id);
    expect(await readFile(markPath(), 'utf8')).toBe(mark);
  });

  it('cannot be doubled from one copy of the database without either of the two noticing', async () => {
    const former = await start();
    await former.mark.advance();
    const copy = await copyOf(former);
    const original = await start({ on: former.world.test });
    // The copy runs elsewhere, with the backup of the key and no mark: a mark is never part of a backup.
    const twin = await start({ on: copy, markAt: join(home, 'elsewhere', 'mark.json') });
    expect([await modeOf(original), await modeOf(twin)]).toEqual(['normal', 'restored']);
    await twin.installation.confirmRestore({ actor: person, reason: 'the original is off', key: newId() });
    await twin.mark.advance();
    // Whose mark lies beside whose database is told apart from now on.
    await twin.stop();
    expect(await modeOf(await start({ on: copy }))).toBe('restored');
  });

  it('does not start with another key than the one its values are sealed with', async () => {
    const former = await start();
    const other = aKey();
    await expect(start({ on: former.world.test, key: other })).rejects.toMatchObject({
      code: 'key_foreign',
      message: `The database is sealed with key ${key.id}, but this process was given ${other.id}.`,
    });
  });

  it('does not start while values are sealed under two keys', async () => {
    const former = await start();
    await execute(former.world.database, sql`update installation set next_key_id = 'another'`);
    await expect(start({ on: former.world.test })).rejects.toMatchObject({
      code: 'key_change_unfinished',
      details: { remedy: expect.stringContaining('dsops keys rotate-master') },
    });
  });
});

describe('the mark', () => {
  it('has reached what each caller needs when its call returns, and shares writes among callers', async () => {
    const running = await start();
    const markFile = new MarkFile(markPath());
    let writes = 0;
    const counting = new (class extends MarkFile {
      override async write(...args: Parameters<MarkFile['write']>): Promise<void> {
        writes += 1;
        await super.write(...args);
      }
    })(markPath());
    const mark = new HighWaterMark(
      running.world.database,
      new InstallationRepository(),
      counting,
      async () => undefined,
    );
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        const before = (await running.installation.current()).highWater;
        await mark.advance();
        const seen = await markFile.read();
        if (seen === null || seen === 'damaged') throw new Error('There is no mark.');
        expect(seen.highWater).toBeGreaterThan(before);
      }),
    );
    expect(writes).toBeGreaterThan(0);
    expect(writes).toBeLessThan(40);
  });

  it('never falls behind what was written when two processes advance it at once', async () => {
    const one = await start();
    const two = await start({ on: one.world.test });
    await Promise.all(
      Array.from({ length: 30 }, (_, at) => (at % 2 === 0 ? one : two).mark.advance().then(() => undefined)),
    );
    for (let i = 0; i < 5; i++) await Promise.all([one.mark.advance(), two.mark.advance()]);
    const { highWater } = await one.installation.current();
    expect(await new MarkFile(markPath()).read()).toMatchObject({ highWater });
  });

  it('does not fall back when the slower of two processes writes last', async () => {
    const world = (await start()).world;
    const isOtherDone = Promise.withResolvers<void>();
    const slow = new (class extends MarkFile {
      override async write(...args: Parameters<MarkFile['write']>): Promise<void> {
        await isOtherDone.promise;
        await super.write(...args);
      }
    })(markPath());
    const make = (file: MarkFile) =>
      new HighWaterMark(world.database, new InstallationRepository(), file, async () => undefined);
    const first = make(slow).advance();
    await eventually(async () => expect((await new InstallationRepository().find(world.database)).highWater).toBe(1n));
    const second = make(new MarkFile(markPath())).advance();
    // The second has to wait for the first; a second that does not is given the time to overtake it.
    await Promise.race([second, new Promise((done) => setTimeout(done, 300))]);
    isOtherDone.resolve();
    await Promise.all([first, second]);
    expect(await new MarkFile(markPath()).read()).toMatchObject({ highWater: 2n });
  });

  it('stops the effect when it cannot be written', async () => {
    const running = await start({ markAt: join(home, 'keys', 'mark.json') });
    await rm(join(home, 'keys'), { recursive: true });
    await writeFile(join(home, 'keys'), 'a file where the folder was');
    await expect(running.mark.advance()).rejects.toMatchObject({ code: 'mark_unusable' });
    expect(await modeOf(running)).toBe('normal');
  });
});
