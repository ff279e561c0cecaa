import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type pg from 'pg';
import {
  migrate,
  openPool,
  startPostgres,
  withClient,
  type DatabaseOptions,
  type PostgresServer,
} from '@dsops/database';
import { Secret } from '@dsops/kernel';
import { isAlive } from '@dsops/stack';

const DATABASE = 'dsops';
const SETTINGS = { max_connections: 200 };
const run = promisify(execFile);

/** Our database on a server of its own with durable settings, which can be killed and started again on its data. */
export class OwnDatabase {
  private constructor(
    private readonly dataDir: string,
    private readonly password: Secret,
    private server: PostgresServer,
    /** As superuser, for looking from outside. */
    readonly admin: pg.Pool,
  ) {}

  static async start(dataDir: string): Promise<OwnDatabase> {
    const password = new Secret(randomBytes(24).toString('base64url'));
    const server = await startPostgres({ dataDir, password, settings: SETTINGS });
    await withClient(server.url(), (postgres) => postgres.query(`create database ${DATABASE}`));
    await migrate({ adminUrl: server.url(DATABASE), passwordOf: () => password });
    // Its connections are killed with the server, and others are opened.
    const admin = openPool({ connectionString: server.url(DATABASE), max: 3 });
    const database = new OwnDatabase(dataDir, password, server, admin);
    await database.assertDurable();
    return database;
  }

  get options(): DatabaseOptions {
    return { host: '127.0.0.1', port: this.server.port, database: DATABASE, password: this.password };
  }

  /** SIGKILL to the server and to every process of it: nothing is written any more, no session is told. */
  async kill(): Promise<void> {
    const { pid } = this.server;
    const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
    const processes = stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number));
    const children = processes.flatMap(([id, parent]) => (parent === pid ? [id!] : []));
    for (const id of [pid, ...children]) kill(id);
    while ([pid, ...children].some(isAlive)) await pause(5);
    await this.server.exited;
  }

  /** Starts it again where it was; resolves when it has recovered. */
  async start(): Promise<void> {
    const { dataDir, password } = this;
    this.server = await startPostgres({ dataDir, port: this.server.port, password, settings: SETTINGS });
  }

  async stop(): Promise<void> {
    await this.admin.end();
    await this.server.stop();
  }

  /** What is killed here must be able to lose nothing that was promised. */
  private async assertDurable(): Promise<void> {
    for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) {
      const { rows } = await this.admin.query<Record<string, string>>(`show ${setting}`);
      if (rows[0]?.[setting] !== 'on') throw new Error(`Our database runs with ${setting} off.`);
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // a session that has ended by itself meanwhile
  }
}
