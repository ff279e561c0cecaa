import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DATABASE_SUPERUSER } from '@dsops/sealing';
import { unwrapSecret } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import { InstalledProduct } from '../harness/installation.js';
import type { HomeFolder } from '../harness/home-folder.js';
import type { Shop } from '../harness/target.js';
import { SmallDisk } from '../stack/small-disk.js';
import { outputOf, writtenBy } from './evidence.js';
import { InstallationUnderTest } from './installation-under-test.js';
import { KeyChangeWorld, POINTS, type Point } from './key-change-world.js';
import { SecretScan } from './secret-scan.js';
import { TargetServer } from './target-server.js';

const PASSWORD = { admin: 'key-admin-password', current: 'key-current-password' };
const SETTINGS = 'https://hooks.test/of-a-destination';
const RANDOM_KILLS = 8;
const onDisk = SmallDisk.isPossible() ? it : it.skip;

const masterBytesIn = (keyFile: string): Buffer =>
  Buffer.from((JSON.parse(readFileSync(keyFile, 'utf8')) as { key: string }).key, 'base64url');

/**
 * One installation whose master key is changed again and again, and each time in another way: killed where it is held by
 * a trigger in its own database, and at instants that nobody has chosen. What it seals must be there all the time.
 */
describe('dsops keys rotate-master', () => {
  let installation: InstallationUnderTest;
  let home: HomeFolder;
  let target: TargetServer;
  let shop: Shop;
  let world: KeyChangeWorld;
  let values: string[];

  beforeAll(async () => {
    [installation, target] = await Promise.all([InstallationUnderTest.start(), TargetServer.start()]);
    home = installation.home;
    world = new KeyChangeWorld(home);
    shop = await target.makeShop('keys', PASSWORD);
    const imported = await installation.cli([
      ...['service', 'import', 'shop', '--env', 'test', '--host', '127.0.0.1', '--port', `${target.port}`],
      ...['--database', shop.database, '--admin-user', shop.admin.username, '--owner', shop.owner],
      ...['--admin-password-file', secretFile('admin', PASSWORD.admin)],
      ...['--password-file', secretFile('current', PASSWORD.current)],
      ...shop.slots.flatMap((slot) => ['--slot', slot]),
    ]);
    expect(imported).toMatchObject({ code: 0 });
  });

  afterAll(async () => {
    await installation?.remove();
    await target?.stop();
  });

  const secretFile = (name: string, password: string): string => {
    const file = join(home.folder, `${name}.txt`);
    writeFileSync(file, password, { mode: 0o600 });
    return file;
  };

  /** Starts dsops and waits for its end: it must refuse. */
  const refusedStart = async () => {
    const { code, stdout, stderr } = await InstalledProduct.begin(home, ['--no-sample', '--port', '0']).ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    return stdout.slice(stdout.indexOf('\n✗ ') + 3);
  };

  /** Everything is sealed with the one key that is in the key file, and opens to what it always was. */
  const expectSettled = async (before: string) => {
    const { current, next, kept } = await world.found();
    expect(next).toBeNull();
    expect(current!.id).not.toBe(before);
    expect(kept.map(({ path }) => path)).toContain(`${home.keyFile}.${before}.old`);
    await world.withDatabase(async (client) => {
      expect(await world.values(client)).toEqual(values);
      const { rows } = await client.query(
        `select distinct key_id as id from rotation.sealed_values union select key_id from notification.sealed_settings
         union select key_id from rotation.installation union select key_id from notification.sealing_key
         union select next_key_id from rotation.installation where next_key_id is not null`,
      );
      expect(rows).toEqual([{ id: current!.id }]);
    });
  };
  const currentId = async () => (await world.found()).current!.id;

  /** The rest of the change; the former key is named, and where the new one is to be kept. */
  const expectFinish = async (before: string) => {
    const ended = await world.run();
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/✓ master key +The master key is now [0-9a-f]{16}\. Values sealed with it: \d+\./);
    expect(ended.stdout).toContain(`Back up ${home.keyFile} now`);
    await expectSettled(before);
  };

  it('refuses while dsops runs, and where there is none', async () => {
    const running = await installation.cli(['keys', 'rotate-master']);
    expect({ code: running.code, stdout: running.stdout.trim() }).toEqual({
      code: 1,
      stdout: 'dsops: a new master key',
    });
    expect(running.stderr).toMatch(
      /dsops already runs on .* \(process \d+\)\.\n +Stop it and run the same command again/,
    );

    const nowhere = join(home.folder, 'nowhere');
    const nothing = await installation.cli(['keys', 'rotate-master'], { env: { DSOPS_HOME: nowhere } });
    expect(nothing).toMatchObject({ code: 1, stderr: expect.stringContaining(`There is no dsops in ${nowhere}.`) });
    expect(existsSync(nowhere)).toBe(false);

    await installation.stop();
    await world.addSettings(SETTINGS);
    values = await world.withDatabase((client) => world.values(client));
    expect(values.sort()).toEqual([SETTINGS, PASSWORD.admin, PASSWORD.current].sort());
    values = await world.withDatabase((client) => world.values(client));
  });

  it('seals everything under a new key, as the command says', async () => {
    const before = await currentId();
    home.copyData(`${home.dataFolder}-before`);
    const { code, stdout, stderr } = await installation.cli(['keys', 'rotate-master']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/Sealed with the new key: 3 of 3\n +Opened with the new key: 3 of 3\n/);
    expect(stdout).toContain(`The former key is kept as ${home.keyFile}.${before}.old.`);
    await expectSettled(before);
  });

  describe('killed', () => {
    beforeAll(() => world.makePoints());
    afterAll(() => world.removePoints());

    it.each(Object.keys(POINTS) as Point[])('%s, goes on', async (point) => {
      const before = await currentId();
      await world.holdAt(point);
      const { program, client } = await world.untilHeld();
      await client.end();
      await program.kill();

      await world.holdAt(null);
      await world.withDatabase(async (connected) => expect(await world.values(connected)).toEqual(values));
      if (point !== 'before it is said that it has begun') {
        expect(await refusedStart()).toMatch(
          /^A change of the master key has begun and is not finished\.\n +Run it again.*dsops keys rotate-master/,
        );
      }
      expect((await world.found()).next).not.toBeNull();
      await expectFinish(before);
    });

    it('before the file of the new key has its name, goes on, and no start is possible before that', async () => {
      const before = await currentId();
      await world.holdAt('before the new key is the only one');
      const { program, client } = await world.untilHeld();
      // Whoever reads this row after the commit waits for us: then the database is under the new key, the file is not.
      const locking = client.query('begin; lock table rotation.installation in access exclusive mode');
      const releasing = await world.connect();
      await eventually(async () => {
        const { rowCount } = await releasing.query("select from pg_locks where not granted and locktype = 'relation'");
        expect(rowCount).toBe(1);
      });
      await releasing.query('delete from fault.held');
      await locking;
      await eventually(async () => {
        const { rowCount } = await releasing.query("select from pg_locks where not granted and locktype = 'relation'");
        expect(rowCount).toBe(1);
      });
      await program.kill();
      await Promise.all([client.end(), releasing.end()].map((end) => end.catch(() => undefined)));

      expect(await currentId()).toBe(before);
      expect(await refusedStart()).toMatch(/^A change of the master key has begun and is not finished\./);
      await expectFinish(before);
    });
  });

  it(`killed ${RANDOM_KILLS} times at instants that nobody has chosen, goes on each time`, async () => {
    const startedAt = performance.now();
    await expectFinish(await currentId());
    const lastsMs = performance.now() - startedAt;
    for (let kill = 0; kill < RANDOM_KILLS; kill += 1) {
      const program = world.begin();
      await Promise.race([pause(Math.random() * lastsMs), program.ended]);
      await program.kill();
      // Whatever it was in the middle of: nothing is sealed with a key that is not on disk.
      await world.withDatabase(async (client) => expect(await world.values(client)).toEqual(values));
    }
    const before = await currentId();
    await world.run();
    await world.withDatabase(async (client) => expect(await world.values(client)).toEqual(values));
    expect((await world.found()).next).toBeNull();
    expect(await currentId()).not.toBe(before);
  }, 240_000);

  onDisk('stops where the key folder is full or cannot be written, with nothing changed', async () => {
    const keys = dirname(home.keyFile);
    const spare = join(home.folder, 'keys-beside');
    const before = await currentId();
    cpSync(keys, spare, { recursive: true });
    const disk = SmallDisk.mount(keys, 1);
    try {
      cpSync(spare, keys, { recursive: true });
      expect(() => writeFileSync(join(keys, 'filler'), Buffer.alloc(2 ** 21))).toThrow('ENOSPC');
      const full = await world.run();
      expect(full).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('sealing.key.next cannot be used (ENOSPC)'),
      });
      expect(full.stderr).toContain('Make room on the disk');
      expect(readdirSync(keys).filter((name) => /tmp|next/.test(name))).toEqual([]);
      execFileSync('mount', ['-o', 'remount,ro', keys]);
      const locked = await world.run();
      expect(locked).toMatchObject({ code: 1, stderr: expect.stringMatching(/sealing\.key cannot be used \(EROFS\)/) });
      expect(locked.stderr).toContain('Let the account that runs dsops read and write');
    } finally {
      disk.unmount();
    }
    await expectFinish(before);
  });

  it('asks for a key file that is missing, and says which key data from before the change needs', async () => {
    const spare = `${home.keyFile}-spare`;
    renameSync(home.keyFile, spare);
    expect(await world.run()).toMatchObject({ code: 1, stderr: expect.stringMatching(/The key file .* is missing/) });
    renameSync(spare, home.keyFile);

    renameSync(home.dataFolder, `${home.dataFolder}-now`);
    renameSync(`${home.dataFolder}-before`, home.dataFolder);
    const first = [...world.keys.keys()][0]!;
    const words = await refusedStart();
    expect(words).toMatch(/^The key file .* does not belong to this data\./);
    expect(words).toContain(
      `needs the key ${first}. Rename ${home.keyFile} to ${home.keyFile}.${await currentId()}.unused`,
    );
    expect(words).toContain(`then copy ${home.keyFile}.${first}.old to ${home.keyFile}, and start again.`);
    expect(await world.run()).toMatchObject({ code: 1, stderr: expect.stringContaining(`the key ${first}`) });
    rmSync(home.dataFolder, { recursive: true });
    renameSync(`${home.dataFolder}-now`, home.dataFolder);
  });

  it('leaves an installation in which every password checks out, and rotates', async () => {
    await installation.start();
    const value = await installation.cli(['secret', 'get', 'shop', '--ttl', '1s']);
    expect(value).toMatchObject({ code: 0, stdout: PASSWORD.current });
    expect(await installation.cli(['rotation', 'rotate', 'shop'])).toMatchObject({ code: 0 });
    const { code, stdout } = await installation.cli(['secret', 'get', 'shop', '--ttl', '1s', '--format', 'json']);
    const { user, password } = JSON.parse(stdout) as { user: string; password: string };
    expect(code).toBe(0);
    expect(password).not.toBe(PASSWORD.current);
    expect(await target.accepts({ username: user, password }, shop.database)).toBe(true);
    await installation.stop();
  });

  it('never showed a byte of a key: not in what it printed, nor in the arguments of a process', () => {
    const scan = new SecretScan();
    for (const [id, key] of world.keys) {
      scan.add(`superuser of ${id}`, unwrapSecret(key.password(DATABASE_SUPERUSER)));
      for (const service of ['rotation', 'notification']) {
        scan.add(`wrapping key of ${service} under ${id}`, key.serviceKey(service).wrappingKey().export());
        scan.add(`service key of ${service} under ${id}`, unwrapSecret(key.serviceKey(service).write()));
      }
    }
    for (const name of readdirSync(dirname(home.keyFile)).filter((one) => one.startsWith('sealing.key')))
      scan.add(name, masterBytesIn(join(dirname(home.keyFile), name)));
    expect(world.keys.size).toBeGreaterThan(8);
    const evidence = [...world.programs.flatMap((program) => [...writtenBy(program)]), ...outputOf(installation)];
    if (process.platform === 'linux') expect(evidence.some(({ where }) => where.startsWith('arguments of'))).toBe(true);
    expect(evidence.length).toBeGreaterThan(20);
    expect(scan.search(evidence)).toEqual([]);
  });
});
