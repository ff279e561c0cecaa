import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '@dsops/testing';
import { isAlive } from '../is-alive.js';
import { startServer, type RunningServer, type ServerOptions } from './server-process.js';
import type { ServerExit } from './why-it-ended.js';

/** A server of one line of JavaScript, which is ready when it has printed `ready`. */
describe('a server as a process', () => {
  let folder: string;
  let running: RunningServer[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-server-'));
    running = [];
  });
  afterEach(async () => {
    for (const server of running) await server.kill();
    rmSync(folder, { recursive: true });
  });

  const LIVES = 'setInterval(() => {}, 1000)';
  async function start(program: string, options: Partial<ServerOptions> = {}): Promise<RunningServer> {
    const server = await startServer({
      name: 'The server',
      command: process.execPath,
      args: ['-e', program],
      logFile: join(folder, 'logs', 'server.log'),
      isReady: (log) => /\bready$/m.test(log.tail()),
      ...options,
    });
    running.push(server);
    return server;
  }

  it('is there when it is ready, and what it prints is in its log', async () => {
    const server = await start(`console.log('warming up'); setTimeout(() => console.log('ready'), 100); ${LIVES}`);
    expect(isAlive(server.pid)).toBe(true);
    expect(readFileSync(server.logFile, 'utf8')).toBe('warming up\nready\n');
  });

  it('gets asked to end, and ends', async () => {
    const server = await start(
      `process.on('SIGTERM', () => { console.log('closing'); process.exit(0); }); console.log('ready'); ${LIVES}`,
    );
    await server.stop();
    expect(await server.exited).toMatchObject({ code: 0, signal: null });
    expect(readFileSync(server.logFile, 'utf8')).toContain('closing');
    await server.stop();
  });

  it('is reported with the last lines of its log when it dies, and not when somebody ended it', async () => {
    const onExit = jest.fn<(exit: ServerExit) => void>();
    await start(`console.log('ready'); setTimeout(() => { console.log('lost my mind'); process.exit(3); }, 100)`, {
      onExit,
    });
    await eventually(() => expect(onExit).toHaveBeenCalledTimes(1));
    expect(onExit.mock.calls[0]![0]).toMatchObject({ code: 3, lastLines: ['ready', 'lost my mind'], cause: null });

    const ended = jest.fn();
    await (await start(`console.log('ready'); ${LIVES}`, { onExit: ended })).stop();
    await (await start(`console.log('ready'); ${LIVES}`, { onExit: ended })).kill();
    expect(ended).not.toHaveBeenCalled();
  });

  it.each([
    ['another program listens on its port', 'listen tcp 127.0.0.1:1: bind: address already in use', 'port_taken'],
    ['the disk is full', 'write /data/log: no space left on device', 'disk_full'],
    ['this Java is too old', 'java.lang.UnsupportedClassVersionError: kafka/Kafka', 'java_too_old'],
  ])('that ends while it starts is refused with why: %s', async (says, line, code) => {
    await expect(start(`console.error(${JSON.stringify(line)}); process.exit(1)`)).rejects.toMatchObject({
      code,
      message: `The server ended while it was starting (exit code 1): ${says}.`,
      details: { remedy: expect.any(String), lastLines: [line] },
    });
  });

  it('that ends while it starts for another reason is refused with its last lines, of this start only', async () => {
    await start(`console.log('ready'); console.log('an earlier run'); ${LIVES}`).then((server) => server.stop());
    await expect(start(`console.log('no such setting'); process.exit(2)`)).rejects.toMatchObject({
      code: 'server_start_failed',
      details: { lastLines: ['no such setting'], logFile: join(folder, 'logs', 'server.log') },
    });
  });

  it('that never becomes ready is ended and refused', async () => {
    const pidFile = join(folder, 'pid');
    const program = `require('fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); ${LIVES}`;
    await expect(start(program, { readyTimeoutMs: 700 })).rejects.toMatchObject({ code: 'server_not_ready' });
    expect(isAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });

  it('that does not exist is refused by its name', async () => {
    await expect(start('', { command: join(folder, 'nothing') })).rejects.toMatchObject({
      code: 'server_start_failed',
      message: expect.stringContaining('there is no program'),
    });
  });

  it('sees of our environment only what servers need', async () => {
    process.env.DSOPS_PLANTED = 'secret of somebody else';
    const server = await start(`console.log(JSON.stringify(process.env), 'ready'); ${LIVES}`, { env: { OWN: 'own' } });
    delete process.env.DSOPS_PLANTED;
    const text = readFileSync(server.logFile, 'utf8');
    expect(text).toContain('"OWN":"own"');
    expect(text).toContain('"PATH"');
    expect(text).not.toContain('secret of somebody else');
  });

  it('ends when the process that started it is killed, with what it started itself', async () => {
    // A process that starts a server, which starts another, with the built package.
    const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
    const owner = join(folder, 'owner.mjs');
    const child = `const c = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(LIVES)}]); console.log('child', c.pid, 'ready'); ${LIVES}`;
    writeFileSync(
      owner,
      `import { startServer } from ${JSON.stringify(join(packageRoot, 'dist', 'index.js'))};
       const server = await startServer({ name: 'Server', command: process.execPath, args: ['-e', ${JSON.stringify(child)}],
         logFile: ${JSON.stringify(join(folder, 'owned.log'))}, isReady: (log) => log.tail().includes('ready') });
       process.stdout.write(String(server.pid));`,
    );
    const starter = spawn(process.execPath, [owner], { stdio: ['ignore', 'pipe', 'inherit'] });
    const serverPid = await new Promise<number>((done) => starter.stdout.once('data', (text) => done(Number(text))));
    const childPid = Number(/child (\d+)/.exec(readFileSync(join(folder, 'owned.log'), 'utf8'))?.[1]);
    expect([isAlive(serverPid), isAlive(childPid)]).toEqual([true, true]);
    starter.kill('SIGKILL');
    await eventually(() => expect([isAlive(serverPid), isAlive(childPid)]).toEqual([false, false]));
  });
});
