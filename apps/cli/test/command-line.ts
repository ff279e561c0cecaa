import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { homePaths } from '@dsops/kernel/home';
import { run } from '../src/run.js';
import { API_KEY, type StrictServer } from './strict-server.js';

export const NOW = new Date('2026-11-21T14:30:00.000Z');

/** Folders, environment and terminal of a person at work, with a server that runs on the same machine. */
export class Desk {
  private readonly commands: RunningCommand[] = [];

  private constructor(
    readonly folder: string,
    readonly env: Record<string, string>,
  ) {}

  static async beside(server: StrictServer | undefined): Promise<Desk> {
    const folder = await mkdtemp(join(tmpdir(), 'dsops-cli-'));
    const env = { DSOPS_HOME: folder };
    const paths = homePaths({ platform: process.platform, env, userFolder: folder });
    await mkdir(join(folder, 'keys'));
    if (server !== undefined) {
      const instance = { url: server.url, version: '0.1.0', pid: process.pid, startedAt: NOW.toISOString() };
      await writeFile(paths.instanceFile, JSON.stringify(instance));
    }
    await writeFile(paths.adminKeyFile, `${API_KEY}\n`, { mode: 0o600 });
    return new Desk(folder, env);
  }

  async file(name: string, content: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }

  /** A command that a failed test left behind would keep the run from ending. */
  async clear(): Promise<void> {
    for (const command of this.commands) command.interrupt();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Starts a command. It runs while the test goes on. */
  start(line: string | readonly string[], given: Surroundings = {}): RunningCommand {
    const command = new RunningCommand(typeof line === 'string' ? splitWords(line) : line, this.env, given);
    this.commands.push(command);
    return command;
  }

  /** Runs a command to its end. */
  run(line: string | readonly string[], given: Surroundings = {}): Promise<Ended> {
    return this.start(line, given).ended;
  }
}

export interface Surroundings {
  /** Both ends are a terminal at which somebody sits. */
  readonly isTerminal?: boolean;
  /** Only what comes out goes to a terminal. */
  readonly isStdoutTerminal?: boolean;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class RunningCommand {
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ended>;
  private readonly keyboard = new PassThrough();
  private readonly interruptions = new Set<() => void>();

  constructor(argv: readonly string[], env: Record<string, string>, given: Surroundings) {
    const isTerminal = given.isTerminal === true;
    const stdin = Object.assign(this.keyboard, { isTTY: isTerminal, setRawMode: () => undefined });
    if (given.stdin !== undefined) this.keyboard.end(given.stdin);
    this.ended = run(argv, {
      stdin,
      stdout: {
        isTTY: isTerminal || given.isStdoutTerminal === true,
        columns: 100,
        write: (text) => (this.stdout += text),
      },
      stderr: { isTTY: isTerminal, columns: 100, write: (text) => (this.stderr += text) },
      env: { ...env, ...given.env },
      platform: process.platform,
      userFolder: env.DSOPS_HOME ?? '',
      now: () => NOW,
      onInterrupt: (listener) => {
        this.interruptions.add(listener);
        return () => this.interruptions.delete(listener);
      },
    }).then((code) => ({ code, stdout: this.stdout, stderr: this.stderr }));
  }

  type(text: string): void {
    this.keyboard.write(text);
  }

  /** Presses Ctrl-C. */
  interrupt(): void {
    for (const listener of this.interruptions) listener();
  }
}

/** Words as a shell splits them, with double quotes. */
const splitWords = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
