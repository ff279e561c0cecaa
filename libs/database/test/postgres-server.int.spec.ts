import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Secret } from '@dsops/kernel';
import { eventually } from '@dsops/testing';
import { startPostgres, withClient, type PostgresServer } from '../src/index.js';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a PostgreSQL of our own', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-server-'));
    chmodSync(folder, 0o711); // as root it runs under an account of its own
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));

  const start = (port = 0) =>
    startPostgres({ dataDir: join(folder, 'data'), port, password: new Secret('of the spec') });

  it('is stopped also when it has ended a moment ago and nobody has been told yet', async () => {
    const server = await start();
    process.kill(server.pid, 'SIGQUIT');
    // It ends, and with it who watches over it, while this process hears of nothing.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    await server.stop();
    await server.exited;
  }, 30_000);

  it('says that another program has its port, and changes nothing', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(start(port)).rejects.toMatchObject({
      code: 'port_taken',
      message: expect.stringContaining(String(port)),
    });
    other.close();
    const server = await start(port);
    expect(server.port).toBe(port);
    await server.stop();
  }, 30_000);

  describe('whose supervisor was killed', () => {
    const pidFile = () => join(folder, 'data', 'postmaster.pid');
    const killSupervisor = async (server: PostgresServer) => {
      const supervisor = Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(server.pid)], { encoding: 'utf8' }));
      process.kill(supervisor, 'SIGKILL');
      await server.exited;
    };
    const isGone = (server: PostgresServer) => eventually(() => expect(isAlive(server.pid)).toBe(false));

    it('is known to run unwatched, and is stopped all the same', async () => {
      const server = await start();
      expect(server.isWatched()).toBe(true);
      await killSupervisor(server);
      expect(server.isWatched()).toBe(false);
      expect(isAlive(server.pid)).toBe(true);
      await server.stop();
      await isGone(server);
      expect(existsSync(pidFile())).toBe(false);
    }, 30_000);

    it('is ended by the next start, which finds all that was committed', async () => {
      const former = await start();
      await withClient(former.url(), (client) => client.query('create table kept as select 7 as seven'));
      await killSupervisor(former);
      const next = await start();
      await isGone(former);
      await withClient(next.url(), async (client) => {
        expect((await client.query('select seven from kept')).rows).toEqual([{ seven: 7 }]);
        const { rows } = await client.query(`select pg_read_file('postmaster.pid') ~ ('^' || $1 || '\n') as its`, [
          next.pid,
        ]);
        expect(rows).toEqual([{ its: true }]);
      });
      await next.stop();
    }, 60_000);

    it('is named by its process, and left alone, when it is not ours by its password', async () => {
      const former = await start();
      await killSupervisor(former);
      const stranger = startPostgres({ dataDir: join(folder, 'data'), password: new Secret('of another key') });
      await expect(stranger).rejects.toMatchObject({
        code: 'data_folder_locked',
        message: expect.stringContaining(`process ${former.pid}`),
        details: { remedy: expect.stringContaining(`kill -INT ${former.pid}`) },
      });
      expect(isAlive(former.pid)).toBe(true);
      await former.stop();
    }, 30_000);
  });

  describe('with a postmaster.pid that a crash has left', () => {
    const others: ChildProcess[] = [];
    afterEach(() => others.splice(0).forEach((other) => other.kill('SIGKILL')));

    const leaveBehind = async (content: (former: string) => string) => {
      const server = await start();
      const text = readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8');
      await server.stop();
      const { uid, gid } = statSync(join(folder, 'data'));
      const path = join(folder, 'data', 'postmaster.pid');
      writeFileSync(path, content(text), { mode: 0o600 });
      if (process.getuid?.() === 0) execFileSync('chown', [`${uid}:${gid}`, path]);
      return { uid, gid };
    };

    it('starts although its number now belongs to another program of the same account, and leaves that alone', async () => {
      const { uid, gid } = await leaveBehind((text) => text);
      const account = process.getuid?.() === 0 ? { uid, gid } : {};
      const other = spawn('sleep', ['600'], { ...account, cwd: '/', stdio: 'ignore' });
      others.push(other);
      await once(other, 'spawn');
      const path = join(folder, 'data', 'postmaster.pid');
      writeFileSync(path, readFileSync(path, 'utf8').replace(/^\d+/, String(other.pid)));
      const server = await start();
      expect(other.exitCode ?? other.signalCode).toBeNull();
      await server.stop();
    }, 60_000);

    it('says what to do when the file is empty', async () => {
      await leaveBehind(() => '');
      await expect(start()).rejects.toMatchObject({
        code: 'postmaster_pid_empty',
        message: expect.stringContaining(join(folder, 'data', 'postmaster.pid')),
        details: { remedy: expect.stringContaining('delete that file') },
      });
    }, 30_000);
  });
});
