import {
  chmodSync,
  chownSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { homePaths } from '@dsops/kernel';
import { Program, type Ended } from './program.js';

export interface Reply {
  readonly status: number;
  /** Undefined when the answer is no JSON. */
  readonly body: Record<string, unknown> | undefined;
}

/** The whole product on a folder of its own: the built program, with its own PostgreSQL, as a person starts it. */
export class Installation {
  /** Where its API listens since the last start. */
  url = '';
  /** Each program that ran on this folder, the last is the one that runs. */
  readonly programs: Program[] = [];

  private constructor(readonly folder: string) {}

  /** Starts one on a new folder; with `folder`, on one that is there, such as a copy. */
  static async start(folder = newHome()): Promise<Installation> {
    const installation = new Installation(folder);
    await installation.start();
    return installation;
  }

  /** Starts it again, and waits until it says that it is up. */
  async start(): Promise<void> {
    const program = Program.standalone(['--no-sample', '--verbose', '--port', '0'], { DSOPS_HOME: this.folder });
    this.programs.push(program);
    [, this.url = ''] = await program.printed(/^ +API +(http\S+)$[^]*Ctrl-C stops everything/m);
  }

  get program(): Program {
    return this.programs.at(-1)!;
  }

  get adminKey(): string {
    const home = homePaths({ platform: process.platform, env: { DSOPS_HOME: this.folder }, userFolder: this.folder });
    return readFileSync(home.adminKeyFile, 'utf8').trim();
  }

  /** Calls the API as the administrator, or with another key. */
  async api(method: string, path: string, body?: unknown, key = this.adminKey): Promise<Reply> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true && text !== '';
    return { status: response.status, body: isJson ? (JSON.parse(text) as Record<string, unknown>) : undefined };
  }

  /** Runs `dsops …` on this machine's installation, to its end. */
  cli(...words: string[]): Promise<Ended> {
    return Program.cli(words, { DSOPS_HOME: this.folder, NO_COLOR: '1' }).ended;
  }

  /** Everything that its programs printed, their logs included. */
  get printed(): string {
    return this.programs.map(({ stdout, stderr }) => stdout + stderr).join('');
  }

  /** Presses Ctrl-C and waits for the end. */
  async stop(): Promise<void> {
    if (this.program.isRunning) this.program.child.kill('SIGINT');
    await this.program.ended;
  }

  /** Stops what runs and removes the folder. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** Copies a folder of a program that is stopped, as a backup does: whose the files are, and their modes, come along. */
export function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  for (const name of ['.', ...readdirSync(from, { recursive: true, encoding: 'utf8' })]) {
    const { uid, gid, mode } = statSync(join(from, name));
    chownSync(join(to, name), uid, gid);
    chmodSync(join(to, name), mode & 0o7777);
  }
}

/** A new folder below the machine's temporary ones, which the account that runs the database can enter. */
export function newHome(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dsops-e2e-')));
  chmodSync(folder, 0o711);
  return folder;
}
