import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isAlive } from '../is-alive.js';
import { Screen } from '@dsops/standalone/screen';
import { eventually } from '@dsops/testing';
import { bringDown } from './down.js';
import { stackHome } from './stack-home.js';
import { StateFile, type StackRecord } from './state-file.js';
import { showStatus } from './status.js';

/** A stack whose watcher was killed: what it wrote down is there, and perhaps a part still runs. */
describe('a stack that was not stopped in order', () => {
  let folder: string;
  let text: string;
  let screen: Screen;
  let part: ChildProcess;
  const state = () => new StateFile(stackHome(folder).stateFile);
  const since = new Date().toISOString();

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-down-'));
    text = '';
    const out = new PassThrough();
    out.on('data', (chunk) => (text += String(chunk)));
    screen = new Screen(out as unknown as NodeJS.WriteStream, { hasColors: false });
    part = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000) // the broker'], { stdio: 'ignore' });
    await new Promise((spawned) => part.once('spawn', spawned));
  });
  afterEach(() => {
    part.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  const record = (program: string): StackRecord => ({
    version: 1,
    pid: deadPid,
    state: 'up',
    startedAt: since,
    parts: [{ name: 'kafka', title: 'Kafka', state: 'up', since, pid: part.pid!, program }],
  });
  /** No system gives out a number as high as this. */
  const deadPid = 999_999_999;

  it('is said to be so, and names what still runs', async () => {
    state().write(record('// the broker'));
    expect(await showStatus(folder, screen)).toBe(false);
    expect(text).toContain('The stack was not stopped in order');
    expect(text).toContain('Still running: Kafka.');
  });

  it('a process that only has the number of a part is let alone', async () => {
    state().write(record('another program'));
    await bringDown(folder, screen);
    expect(isAlive(part.pid!)).toBe(true);
    expect(existsSync(stackHome(folder).stateFile)).toBe(false);
  });

  it('is cleared up by down: a part that ends by itself is waited for', async () => {
    state().write(record('// the broker'));
    const down = bringDown(folder, screen);
    part.kill('SIGTERM');
    await down;
    await eventually(() => expect(isAlive(part.pid!)).toBe(false));
    expect(text).toContain('nothing is left running; data is kept');
    expect(existsSync(stackHome(folder).stateFile)).toBe(false);
  });
});

describe('without a stack', () => {
  it('down has nothing to do, and status says so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dsops-none-'));
    const out = new PassThrough();
    let text = '';
    out.on('data', (chunk) => (text += String(chunk)));
    const screen = new Screen(out as unknown as NodeJS.WriteStream, { hasColors: false });
    await bringDown(folder, screen);
    expect(await showStatus(folder, screen)).toBe(false);
    expect(text).toContain(`No stack runs on ${folder}.`);
    rmSync(folder, { recursive: true });
  });
});
