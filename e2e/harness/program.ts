import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { WORKSPACE } from './workspace.js';

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** All of its environment but the path: no option of the process that tests reaches the one under test. */
  readonly env: Readonly<Record<string, string>>;
  /** What it reads on standard input, to its end. */
  readonly stdin?: string | undefined;
}

/** A built program of dsops in a process of its own; every byte that it prints is kept. */
export class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  private readonly output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };

  /** @param title how failures and findings name it */
  constructor(
    readonly title: string,
    file: string,
    words: readonly string[],
    { env, stdin }: ProgramOptions,
  ) {
    this.child = spawn(process.execPath, [file, ...words], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    this.child.stdin?.on('error', () => undefined); // it may end without having read everything
    this.child.stdin?.end(stdin);
    this.child.stdout?.on('data', (chunk: Buffer) => this.output.stdout.push(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => this.output.stderr.push(chunk));
    this.ended = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Starts an installation on its folder. */
  static standalone(words: readonly string[], options: ProgramOptions): Program {
    return new Program(
      `pnpm start ${words.join(' ')}`,
      join(WORKSPACE, 'apps', 'standalone', 'dist', 'main.js'),
      words,
      options,
    );
  }

  /** Starts `dsops …`. */
  static cli(words: readonly string[], options: ProgramOptions): Program {
    return new Program(
      `dsops ${words.slice(0, 3).join(' ')}`,
      join(WORKSPACE, 'apps', 'cli', 'dist', 'main.js'),
      words,
      options,
    );
  }

  /** Starts `pnpm stack …`. */
  static stack(words: readonly string[], options: ProgramOptions): Program {
    return new Program(
      `pnpm stack ${words.join(' ')}`,
      join(WORKSPACE, 'stack', 'dist', 'program', 'main.js'),
      words,
      options,
    );
  }

  get stdout(): string {
    return Buffer.concat(this.output.stdout).toString();
  }

  get stderr(): string {
    return Buffer.concat(this.output.stderr).toString();
  }

  get pid(): number {
    return this.child.pid!;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until standard output matches. @throws Error with what it printed when it ends before that. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.stdout);
      if (found !== null) return found;
      const next = await Promise.race([once(this.child.stdout!, 'data'), this.ended]);
      if (!Array.isArray(next) && !pattern.test(next.stdout))
        throw new Error(
          `${this.title} ended with ${next.code} and never printed ${pattern}:\n${next.stdout}${next.stderr}`,
        );
    }
  }

  /** Presses Ctrl-C, unless it has ended, and waits for the end. */
  async stop(): Promise<Ended> {
    if (this.isRunning) this.child.kill('SIGINT');
    return this.ended;
  }

  /** SIGKILL; nothing in it runs any more when this resolves. */
  async kill(): Promise<Ended> {
    this.child.kill('SIGKILL');
    return this.ended;
  }
}
