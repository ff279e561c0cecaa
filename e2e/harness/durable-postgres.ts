import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startPostgres, withClient, type PostgresServer } from '@dsops/database';
import type { Secret } from '@dsops/kernel';
import { isAlive } from '@dsops/stack';

const SETTINGS = { max_connections: 200 };
const run = promisify(execFile);

/** A PostgreSQL with durable settings that can be ended in the middle of everything, and comes back where it was. */
export class DurablePostgres {
  private constructor(
    private readonly dataDir: string,
    private readonly password: Secret,
    private running: PostgresServer,
  ) {}

  /** @param dataDir its data; what is there already goes on */
  static async start(dataDir: string, password: Secret): Promise<DurablePostgres> {
    const running = await startPostgres({ dataDir, password, settings: SETTINGS });
    const server = new DurablePostgres(dataDir, password, running);
    await server.assertDurable();
    return server;
  }

  get port(): number {
    return this.running.port;
  }

  /** For the superuser. */
  url(database?: string): string {
    return this.running.url(database);
  }

  /** Ends every session at once and writes no checkpoint, as a crash does; resolves when it has recovered. */
  async crash(): Promise<void> {
    const postmaster = Number(readFileSync(join(this.dataDir, 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
    process.kill(postmaster, 'SIGQUIT');
    await this.running.stop();
    await this.startAgain();
  }

  /** SIGKILL to the server and to every process of it: nothing is written any more, no session is told. */
  async kill(): Promise<void> {
    const { pid } = this.running;
    const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
    const processes = stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number));
    const children = processes.flatMap(([id, parent]) => (parent === pid ? [id!] : []));
    for (const id of [pid, ...children]) kill(id);
    while ([pid, ...children].some(isAlive)) await pause(5);
    await this.running.exited;
  }

  /** On its data and its port; resolves when it has recovered. */
  async startAgain(): Promise<void> {
    const { dataDir, password } = this;
    this.running = await startPostgres({ dataDir, port: this.running.port, password, settings: SETTINGS });
  }

  stop(): Promise<void> {
    return this.running.stop();
  }

  /** What is killed here must be able to lose nothing that was promised: no test setting makes it faster. */
  private assertDurable(): Promise<void> {
    return withClient(this.url(), async (superuser) => {
      for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) {
        const { rows } = await superuser.query<Record<string, string>>(`show ${setting}`);
        if (rows[0]?.[setting] !== 'on') throw new Error(`The database runs with ${setting} off.`);
      }
    });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // a session that has ended by itself meanwhile
  }
}
