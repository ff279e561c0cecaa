import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peakResidentMb, residentMb, sharedMb, treeOf } from '../memory.js';

/** The built program; the build of this bench has built it as well. */
const MAIN = fileURLToPath(new URL('../../../apps/standalone/dist/main.js', import.meta.url));
const MOST_SECONDS = 120;

export interface Memory {
  /** The process that hosts every service. */
  readonly standaloneMb: number;
  /** The most it was since it began; null where the system does not tell. */
  readonly standalonePeakMb: number | null;
  /** The process that watches over PostgreSQL. */
  readonly supervisorMb: number;
  readonly postgresMb: number;
}

/** One `pnpm start`, without the build before it: the program as it lies in dist. */
export class StandaloneProcess {
  private output = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly home: string,
  ) {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  static begin(home: string): StandaloneProcess {
    const child = spawn(process.execPath, [MAIN, '--no-sample', '--port', '0'], {
      env: { ...process.env, DSOPS_HOME: home, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new StandaloneProcess(child, home);
  }

  /** Resolves when the API says that every service is ready. */
  async untilReady(): Promise<void> {
    const deadline = performance.now() + MOST_SECONDS * 1_000;
    while (performance.now() < deadline) {
      if (this.hasEnded)
        throw new Error(`dsops ended with ${this.child.exitCode} instead of starting.\n${this.output}`);
      const url = this.url();
      if (url !== null && (await isReady(url))) return;
      await new Promise((resume) => setTimeout(resume, 5));
    }
    throw new Error(`dsops was not up after ${MOST_SECONDS} seconds.\n${this.output}`);
  }

  memory(): Memory {
    const [standalone, ...below] = treeOf(this.child.pid!);
    if (standalone === undefined) throw new Error('dsops has ended.');
    const isServer = ({ program }: { program: string }) => program.includes('postgres');
    const servers = below.filter(isServer).map(({ pid }) => pid);
    const supervisors = below.filter((one) => one.parent === standalone.pid && !isServer(one)).map(({ pid }) => pid);
    if (servers.length === 0 || supervisors.length !== 1)
      throw new Error('The processes of PostgreSQL were not found.');
    return {
      standaloneMb: residentMb(standalone.pid),
      standalonePeakMb: peakResidentMb(standalone.pid),
      supervisorMb: residentMb(supervisors[0]!),
      postgresMb: sharedMb(servers),
    };
  }

  /** As Ctrl-C does it. Answers the exit code. */
  async stop(): Promise<number | null> {
    if (!this.hasEnded) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      await ended;
    }
    return this.child.exitCode;
  }

  private get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  private url(): string | null {
    const file = join(this.home, 'instance.json');
    if (!existsSync(file)) return null;
    try {
      return (JSON.parse(readFileSync(file, 'utf8')) as { url: string }).url;
    } catch {
      return null; // it is just being written
    }
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/ready`)).ok;
  } catch {
    return false;
  }
}
