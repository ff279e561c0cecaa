import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { DomainError } from '@dsops/kernel';
import { serverEnvironment } from '../config.js';
import { keep, release } from './keeper.js';
import { ServerLog } from './server-log.js';
import { causeIn, notReady, startFailure, type ServerExit } from './why-it-ended.js';

/** A server that was started as a process of its own. */
export interface RunningServer {
  /** For people, such as `Kafka`. */
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when it has ended, whoever ended it. */
  readonly exited: Promise<ServerExit>;
  /** Asks it to end, waits, and forces it after half a minute. Resolves when it is gone; calling it again is harmless. */
  stop(): Promise<void>;
  /** SIGKILL to it and to whatever it started. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** What every server takes. */
export interface LifeOptions {
  /** What it prints goes here; the folder is made. Each start appends. */
  readonly logFile: string;
  /** It ended and nobody had asked it to, after it had been ready. */
  readonly onExit?: (exit: ServerExit) => void;
  /** True: it lives on when this process ends. Otherwise it ends with this process, even when that is killed. */
  readonly isLeftRunning?: boolean;
  /** Gives up starting: the server is ended. */
  readonly signal?: AbortSignal;
}

export interface ServerOptions extends LifeOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Beside what every server gets to see: see serverEnvironment. Secrets go here, never into `args`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Asked again and again until it says true. */
  readonly isReady: (log: ServerLog) => boolean | Promise<boolean>;
  readonly readyTimeoutMs?: number;
}

const READY_TIMEOUT_MS = 90_000;
const LOOK_MS = 50;
const STOP_TIMEOUT_MS = 30_000;

/**
 * Starts a server and waits until it is ready. It leads a process group of its own, so Ctrl-C at the terminal does not
 * reach it: whoever started it decides the order in which things end.
 * @throws DomainError why it did not start: `port_taken`, `disk_full`, `server_start_failed`, `server_not_ready`, …
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { name } = options;
  options.signal?.throwIfAborted();
  const { log, descriptor } = ServerLog.open(options.logFile);
  const child = spawn(options.command, [...options.args], {
    cwd: options.cwd,
    env: serverEnvironment(options.env),
    stdio: ['ignore', descriptor, descriptor],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  closeSync(descriptor);
  await hasStarted(child, name, options.command);
  const pid = child.pid!;
  if (options.isLeftRunning === true) child.unref();
  else keep(pid);

  let isWanted = true;
  let isUp = false;
  const exited = new Promise<ServerExit>((done) => {
    child.once('exit', (code, signal) => {
      release(pid);
      const exit = { code, signal, lastLines: log.lastLines(), cause: causeIn(log.lastLines(60)) };
      done(exit);
      if (isWanted && isUp) options.onExit?.(exit);
    });
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    isWanted = false;
    if (!hasEnded()) sendSignal(pid, signal);
    if (await endsWithin(exited, STOP_TIMEOUT_MS)) return;
    sendSignal(pid, 'SIGKILL');
    await exited;
  };

  try {
    await untilReady(options, log, hasEnded);
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
  if (hasEnded()) throw startFailure({ name, logFile: log.file, exit: await exited });
  isUp = true;
  return { name, pid, logFile: log.file, exited, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}

async function hasStarted(child: ChildProcess, name: string, command: string): Promise<void> {
  await new Promise<void>((done, failed) => {
    child.once('spawn', () => done());
    child.once('error', (cause) =>
      failed(
        new DomainError(
          'server_start_failed',
          'unavailable',
          `${name} could not be started: there is no program ${command} that can be run.`,
          {},
          { cause },
        ),
      ),
    );
  });
}

async function untilReady(options: ServerOptions, log: ServerLog, hasEnded: () => boolean): Promise<void> {
  const timeoutMs = options.readyTimeoutMs ?? READY_TIMEOUT_MS;
  const deadline = performance.now() + timeoutMs;
  while (!hasEnded()) {
    options.signal?.throwIfAborted();
    if (await options.isReady(log)) return;
    if (performance.now() > deadline) throw notReady(options.name, log.file, timeoutMs, log.lastLines());
    await pause(LOOK_MS);
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    // gone just now
  }
}

async function endsWithin(exited: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const patience = new AbortController();
  const isGone = await Promise.race([
    exited.then(() => true),
    pause(timeoutMs, false, { signal: patience.signal }).catch(() => false),
  ]);
  patience.abort();
  return isGone;
}

/** Whether an HTTP server answers a GET with success. */
export async function answers(url: string, headers: Readonly<Record<string, string>> = {}): Promise<boolean> {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
