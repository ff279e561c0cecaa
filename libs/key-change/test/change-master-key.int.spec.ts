import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { SEALING_SERVICES } from '@dsops/contracts/service-names';
import { migrate, SEALED_TABLES, waitForDatabase, type SchemaName } from '@dsops/database';
import { openKeyFile } from '@dsops/sealing';
import { eventually } from '@dsops/testing';
import { SealedWorld } from './sealed-world.fixture.js';

let world: SealedWorld;
beforeEach(async () => void (world = await SealedWorld.open()));
afterEach(() => world.close());

const keyIdIn = (path: string): string => (JSON.parse(readFileSync(path, 'utf8')) as { id: string }).id;
const rowOf = async () => {
  const { rows } = await world.admin.query<{ key: string; next: string | null }>(
    'select key_id as key, next_key_id as next from rotation.installation',
  );
  return rows[0]!;
};
const keysInUse = async () => {
  const { rows } = await world.admin.query<{ id: string }>(
    SEALED_TABLES.map(({ table }) => `select key_id as id from ${table}`).join(' union '),
  );
  return rows.map(({ id }) => id);
};
/** Runs the command to its end once more, and expects that everything is as if nothing had happened in between. */
const expectFinish = async () => {
  const change = await world.change();
  expect(await world.openWithKeysOnDisk()).toEqual(world.values);
  expect(await keysInUse()).toEqual([change.keyId]);
  expect(await rowOf()).toEqual({ key: change.keyId, next: null });
  expect(keyIdIn(world.keyFile)).toBe(change.keyId);
  expect(change.keyId).not.toBe(world.first.id);
  expect(existsSync(`${world.keyFile}.next`)).toBe(false);
  return change;
};

describe('a change of the master key', () => {
  it('seals every value of every service under a new key, and keeps the former one', async () => {
    await world.addValues(450);
    const seen: string[] = [];
    const change = await world.change({
      onProgress: ({ phase, done, total }) => seen.push(`${phase} ${done}/${total}`),
    });
    expect(await world.openWithKeysOnDisk()).toEqual(world.values);
    expect(await keysInUse()).toEqual([change.keyId]);
    expect(await rowOf()).toEqual({ key: change.keyId, next: null });
    expect(change).toMatchObject({ values: 452, former: `${world.keyFile}.${world.first.id}.old`, setAside: null });
    expect(world.files).toEqual(['sealing.key', `sealing.key.${world.first.id}.old`]);
    expect(keyIdIn(world.keyFile)).toBe(change.keyId);
    if (process.platform !== 'win32') expect(statSync(world.keyFile).mode & 0o777).toBe(0o600);
    expect(seen).toContain('check 452/452');
    expect(seen).toContain('seal 201/452');
    expect(seen.at(-1)).toBe('prove 452/452');
  });

  it('knows every table and every purpose that there is', async () => {
    const { rows: tables } = await world.admin.query<{ name: string }>(
      `select table_schema || '.' || table_name as name from information_schema.columns
        where column_name = 'wrapped_key' order by 1`,
    );
    expect(SEALED_TABLES.map(({ table }) => table)).toEqual(tables.map(({ name }) => name));
    expect([...new Set(SEALED_TABLES.map(({ service }) => service))]).toEqual(SEALING_SERVICES);
    const { rows: checks } = await world.admin.query<{ text: string }>(
      `select pg_get_constraintdef(oid) as text from pg_constraint
        where conrelid = 'rotation.sealed_values'::regclass and contype = 'c' and pg_get_constraintdef(oid) ~ 'owner_kind'`,
    );
    const kinds = [...checks[0]!.text.matchAll(/'(\w+)'/g)].map(([, kind]) => kind);
    const known = SEALED_TABLES.find(({ table }) => table === 'rotation.sealed_values')!.ids;
    expect(Object.keys(known).sort()).toEqual(kinds.sort());
  });

  it('lets no service in while it is under way, and all of them afterwards', async () => {
    await world.addValues(3);
    await interruptAt('seal');
    const login = (schema: SchemaName) =>
      waitForDatabase(schema, world.test.options, {
        onWaiting: () => undefined,
        signal: new AbortController().signal,
      });
    for (const service of SEALING_SERVICES)
      await expect(login(service)).rejects.toMatchObject({ code: 'key_change_unfinished' });
    const passwordOf = () => world.test.options.password;
    await expect(migrate({ adminUrl: world.test.adminUrl, passwordOf })).rejects.toMatchObject({
      code: 'key_change_unfinished',
      details: { remedy: expect.stringContaining('dsops keys rotate-master') },
    });
    await expectFinish();
    for (const service of SEALING_SERVICES) await login(service);
    await migrate({ adminUrl: world.test.adminUrl, passwordOf });
  });

  it('does not begin while a service uses the database, and changes nothing then', async () => {
    await world.addValues(1);
    const { password: _, ...options } = world.test.options;
    const service = new pg.Client({
      ...options,
      user: 'dsops_rotation',
      password: new URL(world.test.adminUrl).password,
    });
    await service.connect();
    try {
      await expect(world.change()).rejects.toMatchObject({
        code: 'database_in_use',
        message: expect.stringMatching(/dsops_rotation \(sessions: 1\).*Nothing was changed\.$/),
      });
    } finally {
      await service.end();
    }
    expect(world.files).toEqual(['sealing.key']);
    expect(await rowOf()).toEqual({ key: world.first.id, next: null });
  });

  it('is made by one at a time', async () => {
    await world.addValues(1);
    const other = new pg.Client({ connectionString: world.test.adminUrl });
    await other.connect();
    await other.query('select pg_advisory_lock(4127533002)');
    await expect(world.change()).rejects.toMatchObject({ code: 'key_change_running' });
    await other.end();
    await eventually(() => expectFinish());
  });

  it('does not begin when a value does not open, and names it', async () => {
    await world.addValues(2);
    await world.admin.query(
      "update rotation.sealed_values set tag = decode(repeat('00', 16), 'hex') where owner_kind = 'admin'",
    );
    await expect(world.change()).rejects.toMatchObject({
      code: 'sealed_value_damaged',
      message: expect.stringContaining('admin'),
    });
    expect(world.files).toEqual(['sealing.key']);
    expect(await rowOf()).toEqual({ key: world.first.id, next: null });
  });

  it('lets nobody seal with the service key of before', async () => {
    await world.addValues(1);
    await expectFinish();
    const late = world.addValues(0); // seals with the first key
    await expect(late).rejects.toThrow(/sealed under key \w+, but the key of this installation is \w+ since/);
  });

  it('stops between two batches when it is asked to, and goes on', async () => {
    await world.addValues(450);
    await interruptAt('seal');
    expect((await rowOf()).next).not.toBeNull();
    expect(await world.openWithKeysOnDisk()).toEqual(world.values);
    await expectFinish();
  });

  const interruptAt = async (phase: string) => {
    const stop = new AbortController();
    const onProgress = (progress: { phase: string }) => void (progress.phase === phase && stop.abort());
    await expect(world.change({ onProgress, signal: stop.signal })).rejects.toMatchObject({
      code: 'key_change_interrupted',
    });
  };
});

describe('a key file', () => {
  it('beside it that the database does not name is never used, and not lost', async () => {
    await world.addValues(1);
    const planted = await openKeyFile({ path: `${world.keyFile}.next`, database: 'new' });
    const change = await expectFinish();
    expect(change.keyId).not.toBe(planted.id);
    expect(change.setAside).toBe(`${world.keyFile}.${planted.id}.unused`);
    expect(keyIdIn(change.setAside!)).toBe(planted.id);
  });

  it('that is damaged, missing, or of somebody else stops the change before anything happens', async () => {
    await world.addValues(1);
    const untouched = async () => expect(await rowOf()).toEqual({ key: world.first.id, next: null });
    const text = readFileSync(world.keyFile, 'utf8');
    writeFileSync(world.keyFile, text.slice(0, 40));
    await expect(world.change()).rejects.toMatchObject({ code: 'key_damaged' });
    rmSync(world.keyFile);
    await expect(world.change()).rejects.toMatchObject({
      code: 'key_missing',
      message: `Values are sealed with the key ${world.first.id}, which is not in ${world.keyFile}.`,
    });
    await openKeyFile({ path: world.keyFile, database: 'new' });
    await expect(world.change()).rejects.toMatchObject({ code: 'key_missing' });
    await untouched();
    writeFileSync(world.keyFile, text);
    writeFileSync(`${world.keyFile}.next`, '{');
    await expect(world.change()).rejects.toMatchObject({ code: 'key_damaged' });
    await untouched();
    expect(await world.openWithKeysOnDisk().catch(() => 'the .next is damaged')).toBe('the .next is damaged');
  });

  it('that cannot be written stops the change with nothing half applied', async () => {
    await world.addValues(1);
    // What stands in its place can be neither read as a file nor replaced by one.
    mkdirSync(`${world.keyFile}.next`);
    await expect(world.change()).rejects.toMatchObject({
      code: 'key_unreadable',
      message: expect.stringContaining('sealing.key.next'),
    });
    expect(await rowOf()).toEqual({ key: world.first.id, next: null });
    rmSync(`${world.keyFile}.next`, { recursive: true });
    await expectFinish();
  });

  it('of a restored database from before the change is named, and put back without losing the one that is there', async () => {
    await world.addValues(1);
    const { keyId, former } = await expectFinish();
    await world.admin.query('update rotation.installation set key_id = $1', [world.first.id]);
    const aside = `${world.keyFile}.${keyId}.unused`;
    await expect(world.change()).rejects.toMatchObject({
      code: 'key_missing',
      details: {
        remedy: expect.stringContaining(
          `Rename ${world.keyFile} to ${aside}, so that its key is not lost, then copy ${former} to ${world.keyFile}`,
        ),
      },
    });
    // As a person does it, on a database that was restored from the middle of a change: the rest is found beside it.
    renameSync(world.keyFile, aside);
    copyFileSync(former!, world.keyFile);
    await world.admin.query('update rotation.installation set next_key_id = $1', [keyId]);
    await expect(world.change()).rejects.toMatchObject({
      message: `Values are sealed with the key ${keyId}, which is not in ${world.keyFile}.next.`,
      details: { remedy: expect.stringContaining(`Copy ${aside} to ${world.keyFile}.next, and run`) },
    });
    copyFileSync(aside, `${world.keyFile}.next`);
    expect((await expectFinish()).keyId).toBe(keyId);
  });

  it('that is gone in the middle is asked for, and given up only when nothing is sealed with it', async () => {
    await world.addValues(450);
    const stop = new AbortController();
    const aborting = world.change({
      onProgress: ({ phase, done }) => void (phase === 'seal' && done > 0 && stop.abort()),
      signal: stop.signal,
    });
    await expect(aborting).rejects.toMatchObject({ code: 'key_change_interrupted' });
    const { next } = await rowOf();
    renameSync(`${world.keyFile}.next`, `${world.folder}/elsewhere`);
    await expect(world.change()).rejects.toMatchObject({
      code: 'key_missing',
      message: `Values are sealed with the key ${next}, which is not in ${world.keyFile}.next.`,
    });
    renameSync(`${world.folder}/elsewhere`, `${world.keyFile}.next`);
    await expectFinish();
  });
});

describe('where the last commits were lost', () => {
  it('goes on with the former key, which lies beside the key file', async () => {
    await world.addValues(5);
    const change = await expectFinish();
    await world.admin.query('update rotation.installation set key_id = $1, next_key_id = $2', [
      world.first.id,
      change.keyId,
    ]);
    await world.admin.query('delete from notification.sealing_key');
    const again = await world.change();
    expect(again.keyId).toBe(change.keyId);
    expect(await rowOf()).toEqual({ key: change.keyId, next: null });
  });

  it('installs the key file when only that was left, with and without the copy of the former one', async () => {
    await world.addValues(2);
    const change = await expectFinish();
    for (const hasCopy of [true, false]) {
      // As it is between the commit and the rename.
      renameSync(world.keyFile, `${world.keyFile}.next`);
      copyFileSync(change.former!, world.keyFile);
      if (!hasCopy) rmSync(change.former!);
      let handedOut = '';
      const again = await world.change({ handOut: (key) => Promise.resolve(void (handedOut = key.id)) });
      expect(again).toMatchObject({ keyId: change.keyId, former: change.former });
      expect(handedOut).toBe(change.keyId);
      expect(world.files).toEqual(['sealing.key', `sealing.key.${world.first.id}.old`]);
    }
  });
});
