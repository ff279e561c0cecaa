import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built main file of an app. This file itself may run from its source or from its build. */
function mainOf(app: string): string {
  let root = import.meta.dirname;
  while (!existsSync(join(root, 'pnpm-workspace.yaml'))) root = dirname(root);
  return join(root, 'apps', app, 'dist', 'main.js');
}

/** A built program of dsops in a process of its own; every byte that it prints is kept. */
export class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  private readonly output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };

  private constructor(file: string, words: readonly string[], env: Readonly<Record<string, string>>) {
    // A clean environment: no option of the process that tests reaches the one under test.
    this.child = spawn(process.execPath, [file, ...words], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => this.output.stdout.push(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => this.output.stderr.push(chunk));
    this.ended = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Starts an installation on its folder. */
  static standalone(words: readonly string[], env: Readonly<Record<string, string>>): Program {
    return new Program(mainOf('standalone'), words, env);
  }

  /** Starts `dsops …`. */
  static cli(words: readonly string[], env: Readonly<Record<string, string>>): Program {
    return new Program(mainOf('cli'), words, env);
  }

  get stdout(): string {
    return Buffer.concat(this.output.stdout).toString();
  }

  get stderr(): string {
    return Buffer.concat(this.output.stderr).toString();
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until standard output matches. @throws Error with what it printed when it ends before that. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.stdout);
      if (found !== null) return found;
      if (!this.isRunning) throw new Error(`It ended and never printed ${pattern}:\n${this.stdout}${this.stderr}`);
      await Promise.race([once(this.child.stdout!, 'data'), this.ended]);
    }
  }
}
