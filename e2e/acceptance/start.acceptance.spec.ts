import { chmodSync, cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type PostgresServer } from '@dsops/database';
import { DATABASE_SUPERUSER, openKeyFile } from '@dsops/sealing';
import { eventually } from '@dsops/testing';
import pg from 'pg';
import { InstalledProduct } from '../harness/installation.js';
import type { Ended } from '../harness/program.js';
import type { HomeFolder } from '../harness/home-folder.js';
import { InstallationUnderTest } from './installation-under-test.js';
import type { Shop } from '../harness/target.js';
import { TargetServer } from './target-server.js';

const PASSWORD = { admin: 'start-admin-password', current: 'start-current-password' };
const onPosix = process.platform === 'win32' ? it.skip : it;

/** A refusal to start: what happened, what to do, and nothing that only its makers understand. */
function expectRefusal({ code, stdout, stderr }: Ended, expected: { code?: number; message: RegExp; remedy: RegExp }) {
  const [message, remedy, ...others] = stdout
    .slice(stdout.indexOf('\n✗ ') + 3)
    .trimEnd()
    .split('\n');
  expect({ code, stderr, others }).toEqual({ code: expected.code ?? 1, stderr: '', others: [] });
  expect(message).toMatch(expected.message);
  expect(remedy?.trim()).toMatch(expected.remedy);
}

/**
 * One installation through its life: started, stopped, refused to start for every reason there is, killed, and brought
 * back from a copy. The tests build on each other, because what must survive is the same all along.
 */
describe('starting dsops', () => {
  let installation: InstallationUnderTest;
  let home: HomeFolder;
  let target: TargetServer;
  let shop: Shop;

  beforeAll(async () => {
    [installation, target] = await Promise.all([InstallationUnderTest.start(), TargetServer.start()]);
    home = installation.home;
    shop = await target.makeShop('start', PASSWORD);
    const imported = await installation.cli([
      ...['service', 'import', 'shop', '--env', 'test', '--host', '127.0.0.1', '--port', `${target.port}`],
      ...['--database', shop.database, '--admin-user', shop.admin.username, '--owner', shop.owner],
      ...[
        '--admin-password-file',
        secretFile('admin', PASSWORD.admin),
        '--password-file',
        secretFile('current', PASSWORD.current),
      ],
      ...['--consumers', 'managed', ...shop.slots.flatMap((slot) => ['--slot', slot])],
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

  /** Starts it without a sample and waits for its end. */
  const attempt = (...args: string[]) => InstalledProduct.begin(home, ['--no-sample', ...args]).ended;

  /** What somebody who relies on it would miss first. */
  const expectIntact = async () => {
    const services = await installation.cli(['service', 'show', 'shop', '--format', 'json']);
    expect(services).toMatchObject({ code: 0, stderr: '' });
    expect((JSON.parse(services.stdout) as { versions: unknown[] }).versions).toEqual([
      expect.objectContaining({ label: 'CURRENT', verdict: 'accepted', username: shop.current.username }),
    ]);
    const value = await installation.cli(['secret', 'get', 'shop']);
    expect(value).toMatchObject({ code: 0, stdout: PASSWORD.current });
  };

  describe('while it runs', () => {
    it('says where it is, and that its key has to be backed up', () => {
      const screen = installation.program.stdout;
      expect(screen).toMatch(/API +http:\/\/127\.0\.0\.1:\d+/);
      expect(screen).toContain(home.dataFolder);
      expect(screen).toContain(`${home.keyFile}  (back it up, apart from the data)`);
    });

    it('refuses a second start on the same folder, and the first goes on', async () => {
      expectRefusal(await attempt('--port', '0'), {
        message: /^dsops already runs on .* \(process \d+\)\.$/,
        remedy: /Use that one, stop it, or .*DSOPS_HOME=/,
      });
      await expectIntact();
    });

    onPosix('stops on Ctrl-C, and leaves nothing running', async () => {
      const { code, stdout } = await installation.stop();
      expect({ code, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({
        code: 0,
        last: '  stopped; nothing is left running',
      });
      await eventually(() => expect([...installation.watch.present().values()]).toEqual([]));
      expect([home.paths.instanceFile, join(home.folder, 'lock')].filter((file) => existsSync(file))).toEqual([]);
    });
  });

  describe('while it is stopped', () => {
    it('says that it does not run, and how to start it', async () => {
      const { code, stderr } = await installation.cli(['rotation', 'status'], { env: { DSOPS_URL: '' } });
      expect(code).toBe(2);
      expect(stderr).toMatch(/^Error: No dsops runs on this machine: .*\n→ Start it with "pnpm start"/);
    });

    it('touches nothing when its port is in use', async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as AddressInfo;
      const before = home.fingerprint();
      const ended = await attempt('--port', `${port}`);
      other.close();
      expectRefusal(ended, {
        message: new RegExp(`^Port ${port} is in use`),
        remedy: /choose another port: .*--port \d+/,
      });
      expect(home.fingerprint()).toEqual(before);
    });

    it.each([
      ['an option that it does not have', ['--fast'], /^Unknown option '--fast'\.$/],
      ['a port that is none', ['--port', '70000'], /^The port must be a number from 0 to 65535\.$/],
    ])('refuses %s', async (_, args, message) => {
      const before = home.fingerprint();
      expectRefusal(await attempt(...args), { code: 2, message, remedy: /pnpm start --help/ });
      expect(home.fingerprint()).toEqual(before);
    });

    it('explains itself with --help, and starts nothing', async () => {
      const before = home.fingerprint();
      const { code, stdout, stderr } = await attempt('--help');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      for (const word of ['--no-sample', '--port', '--verbose', 'DSOPS_HOME', 'NO_COLOR'])
        expect(stdout).toContain(word);
      expect(home.fingerprint()).toEqual(before);
    });

    it('makes no new key when the key file is missing', () =>
      withOtherKey(
        () => rmSync(home.keyFile),
        async () => {
          const before = home.fingerprint();
          const ended = await attempt('--port', '0');
          expectRefusal(ended, {
            message: /^The key file .*sealing\.key is missing/,
            remedy: /^Put the backup of the key file back/,
          });
          expect(home.fingerprint()).toEqual(before);
        },
      ));

    it('refuses a key file in which one character is another, and leaves it as it is', () =>
      withOtherKey(
        () => {
          const other = (_: string, first: string) => `"key": "${first === 'A' ? 'B' : 'A'}`;
          writeFileSync(home.keyFile, readFileSync(home.keyFile, 'utf8').replace(/"key": "(.)/, other));
        },
        async () => {
          const before = home.fingerprint();
          const ended = await attempt('--port', '0');
          expectRefusal(ended, {
            message: /^The key file .* is damaged\.$/,
            remedy: /^Put the backup of the key file back/,
          });
          expect(home.fingerprint()).toEqual(before);
        },
      ));

    it('refuses the key of another installation', () =>
      withOtherKey(
        async () => {
          rmSync(home.keyFile);
          await openKeyFile({ path: home.keyFile, database: 'new' });
        },
        async () => {
          const before = home.fingerprint(keys());
          const ended = await attempt('--port', '0');
          expectRefusal(ended, {
            message: /^The key file .* does not belong to this data\.$/,
            remedy: /^Put the key file that was made with this data back/,
          });
          expect(home.fingerprint(keys())).toEqual(before);
        },
      ));

    const keys = () => join(home.folder, 'keys');

    /** Does something to the key file, and brings the right one back, whatever comes of it. */
    const withOtherKey = async (change: () => unknown, look: () => Promise<void>) => {
      const spare = join(home.folder, 'set-aside');
      cpSync(home.keyFile, spare);
      try {
        await change();
        await look();
      } finally {
        renameSync(spare, home.keyFile);
      }
    };

    it('refuses a database that a later release has changed', async () => {
      await raiseBounds(99);
      const before = home.fingerprint(keys());
      const ended = await attempt('--port', '0').finally(() => raiseBounds(1));
      expectRefusal(ended, {
        message: /^The database was changed by a later release of dsops/,
        remedy: /^Start that release again, or restore the backup/,
      });
      expect(home.fingerprint(keys())).toEqual(before);
    });

    /** As a migration of a later release does. */
    const raiseBounds = async (release: number) => {
      const password = (await home.masterKey()).password(DATABASE_SUPERUSER);
      const server: PostgresServer = await startPostgres({ dataDir: home.dataFolder, password });
      const client = new pg.Client({ connectionString: server.url('dsops') });
      await client.connect();
      await client.query('update rotation.schema_bounds set oldest_release = $1', [release]);
      await client.end();
      await server.stop();
    };

    onPosix('says whose the data has to be when PostgreSQL may not use it', async () => {
      chmodSync(home.dataFolder, 0o755);
      const before = home.fingerprint();
      const ended = await attempt('--port', '0').finally(() => chmodSync(home.dataFolder, 0o700));
      expectRefusal(ended, {
        message: /^The account that runs PostgreSQL may not use /,
        remedy: /^Let the folder and all in it belong to /,
      });
      expect(home.fingerprint()).toEqual(before);
    });

    onPosix('can be interrupted while it starts', async () => {
      const program = InstalledProduct.begin(home, ['--no-sample', '--port', '0']);
      await program.printed(/✓ key/);
      program.child.kill('SIGINT');
      expect(await program.ended).toMatchObject({ code: 0, stderr: '' });
      await eventually(() => expect([...installation.watch.present().values()]).toEqual([]), 20_000);
    });
  });

  describe('after it was killed', () => {
    it('is there again, with everything it had', async () => {
      home.copyData(join(home.folder, 'copy'));
      await installation.start();
      await expectIntact();
      const processes = installation.watch.present();
      installation.program.child.kill('SIGKILL');
      await installation.program.ended;
      // The database stops by itself; nobody has to look for it.
      await eventually(() => expect([...installation.watch.present().values()]).toEqual([]), 20_000);
      if (process.platform === 'linux') expect(processes.size).toBeGreaterThan(2);

      const before = installation.databasePort;
      await installation.start();
      await expectIntact();
      // Whoever has written the address down, such as the service of the sample, finds it there.
      expect(installation.databasePort).toBe(before);
      await installation.stop();
    });
  });

  describe('on a copy of its data', () => {
    it('says clearly that it holds still, and how to go on', async () => {
      rmSync(home.dataFolder, { recursive: true });
      renameSync(join(home.folder, 'copy'), home.dataFolder);
      // It would add to the sample now, were it not for the mode.
      await installation.start({ hasSample: true });
      const screen = installation.program.stdout;
      expect(screen).toContain('The database seems to come from a copy.');
      expect(screen).toContain('nothing is set, revoked or retired');
      expect(screen).toContain('dsops restore confirm');
      const { code, stdout } = await installation.cli(['restore', 'status']);
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(/^! Restored since .*: nothing is set/),
      });
    });

    it('gives nothing out and changes nothing', async () => {
      const roles = await target.roles(shop);
      for (const words of [
        ['secret', 'get', 'shop'],
        ['rotation', 'rotate', 'shop'],
        ['service', 'remove', 'shop', '--yes'],
      ]) {
        const { code, stdout, stderr, problem } = await installation.cli(words);
        expect({ words, code, stdout, problem: problem?.code }).toEqual({
          words,
          code: 5,
          stdout: '',
          problem: 'installation_restored',
        });
        expect(stderr).toMatch(/^Error: .*seems to come from a copy.*\n→ Make sure .*dsops restore confirm$/m);
      }
      expect(await target.roles(shop)).toEqual(roles);
    });

    it('goes on once a person has confirmed', async () => {
      const words = ['restore', 'confirm', '--former-installation-is-off', '--reason', 'this is a test'];
      expect(await installation.cli(words)).toMatchObject({ code: 0 });
      expect(await installation.cli(['restore', 'status'])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('Normal'),
      });
      await expectIntact();
    });
  });
});
