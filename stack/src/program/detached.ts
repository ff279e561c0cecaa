import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from './config.js';
import { Tail } from './logs.js';
import { stackHome } from './stack-home.js';
import { StateFile } from './state-file.js';

const LOOK_MS = 100;

/**
 * Starts the stack in a process that outlives this one, shows what that one says until everything is up, and leaves it.
 * Ctrl-C before that stops it in order.
 * @returns its exit code when it could not start, 130 when it was given up, else 0
 */
export async function startDetached(config: Config, program: string, write: (text: string) => void): Promise<number> {
  const home = stackHome(config.home);
  mkdirSync(home.logs, { recursive: true });
  const logFile = join(home.logs, 'stack.log');
  const descriptor = openSync(logFile, 'a', 0o600);
  const tail = new Tail(logFile);
  const child = spawn(
    process.execPath,
    [...process.execArgv, program, 'up', '--detach', '--home', config.home, '--port', String(config.port)],
    {
      detached: true,
      windowsHide: true,
      stdio: ['ignore', descriptor, descriptor],
      env: { ...config.env, DSOPS_STACK_WATCHER: '1' },
    },
  );
  closeSync(descriptor);
  const show = async () => {
    for (const line of await tail.next()) write(`${line}\n`);
  };
  const state = new StateFile(home.stateFile);
  const isUp = () => {
    const record = state.read();
    return record?.pid === child.pid && record?.state === 'up';
  };
  let isGivenUp = false;
  const giveUp = () => {
    isGivenUp = true;
    child.kill('SIGTERM');
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, giveUp);
  while (child.exitCode === null && child.signalCode === null && (isGivenUp || !isUp())) {
    await show();
    await pause(LOOK_MS);
  }
  await show();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, giveUp);
  child.unref();
  if (isGivenUp) return 130;
  return child.exitCode ?? (child.signalCode === null ? 0 : 1);
}
