import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, apiKey } from '@dsops/api-client';
import { Program } from '@dsops/e2e/harness/program';
import { Secret } from '@dsops/kernel';
import { stackHome } from '../src/program/stack-home.js';
import type { StackRecord } from '../src/program/state-file.js';

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
  async run(args: readonly string[], env: Readonly<Record<string, string>> = {}, interruptAt?: RegExp): Promise<Run> {
    const program = Program.stack([...args, '--home', this.folder], {
      // Builders of tools need what this machine says about proxies and folders.
      env: {
        ...(process.env as Record<string, string>),
        NODE_OPTIONS: '--disable-warning=TimeoutNegativeWarning',
        NO_COLOR: '1',
        ...env,
      },
    });
    if (interruptAt !== undefined) await program.printed(interruptAt).then(() => program.stop());
    const { code, stdout, stderr } = await program.ended;
    return { code, text: stdout + stderr };
  }

  record(): StackRecord {
    return JSON.parse(readFileSync(join(this.folder, 'stack.json'), 'utf8')) as StackRecord;
  }

  adminKey(): string {
    return readFileSync(stackHome(this.folder).adminKeyFile, 'utf8').trim();
  }

  api(): ApiClient {
    return new ApiClient({ url: this.record().gatewayUrl!, credentials: apiKey(new Secret(this.adminKey())) });
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
