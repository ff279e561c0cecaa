import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A child process of which every byte of output is kept. */
export class CapturedProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  private readonly output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };

  constructor(
    /** How findings name it. */
    readonly title: string,
    words: readonly string[],
    options: { readonly env: Readonly<Record<string, string>>; readonly stdin?: string | undefined },
  ) {
    this.child = spawn(process.execPath, words, {
      env: { PATH: process.env.PATH ?? '', ...options.env },
      stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    this.child.stdin?.on('error', () => undefined); // it may end without having read everything
    this.child.stdin?.end(options.stdin);
    this.child.stdout?.on('data', (chunk: Buffer) => this.output.stdout.push(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => this.output.stderr.push(chunk));
    this.ended = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
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
      const next = await Promise.race([once(this.child.stdout!, 'data'), this.ended]);
      if (!Array.isArray(next) && !pattern.test(next.stdout))
        throw new Error(
          `${this.title} ended with ${next.code} and never printed ${pattern}:\n${next.stdout}${next.stderr}`,
        );
    }
  }
}
