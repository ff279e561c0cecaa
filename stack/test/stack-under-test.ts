import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApiClient } from '@dsops/standalone';
import { stackHome } from '../src/program/stack-home.js';
import type { StackRecord } from '../src/program/state-file.js';

const MAIN = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'program', 'main.js');

export interface Run {
  readonly code: number | null;
  readonly text: string;
}

/** One stack in a folder of its own, used as people use it: through its command. */
export class StackUnderTest {
  readonly folder = mkdtempSync(join(tmpdir(), 'dsops-stack-'));

  constructor() {
    chmodSync(this.folder, 0o711); // the database runs as an account of its own when the tests run as root
  }

  /** @param interruptAt what it has printed when Ctrl-C is pressed */
  run(args: readonly string[], env: NodeJS.ProcessEnv = {}, interruptAt?: RegExp): Promise<Run> {
    const child = spawn(process.execPath, [MAIN, ...args, '--home', this.folder], {
      env: { ...process.env, NODE_OPTIONS: '--disable-warning=TimeoutNegativeWarning', NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    let isInterrupted = false;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (interruptAt?.test(text) && !isInterrupted) isInterrupted = child.kill('SIGINT');
      });
    return new Promise((done) => child.once('exit', (code) => setImmediate(() => done({ code, text }))));
  }

  record(): StackRecord {
    return JSON.parse(readFileSync(join(this.folder, 'stack.json'), 'utf8')) as StackRecord;
  }

  adminKey(): string {
    return readFileSync(stackHome(this.folder).adminKeyFile, 'utf8').trim();
  }

  api(): ApiClient {
    return new ApiClient(this.record().gatewayUrl!, this.adminKey());
  }

  pidOf(name: string): number {
    const pid = this.record().parts.find((part) => part.name === name)?.pid;
    if (pid === undefined) throw new Error(`There is no process of ${name}.`);
    return pid;
  }

  /** Every process of the stack: its parts and the one that watches over them. */
  pids(): number[] {
    const { pid, parts } = this.record();
    return [pid, ...parts.flatMap((part) => part.pid ?? [])];
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
