import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres, type PostgresServer } from '@dsops/database';
import type { Secret } from '@dsops/kernel';

/** A PostgreSQL that can crash and come back where it was. */
export class Server {
  private constructor(
    private readonly dataDir: string,
    private readonly password: Secret,
    private running: PostgresServer,
  ) {}

  static async start(dataDir: string, password: Secret): Promise<Server> {
    return new Server(dataDir, password, await startPostgres({ dataDir, password, settings: SETTINGS }));
  }

  get port(): number {
    return this.running.port;
  }

  url(database?: string): string {
    return this.running.url(database);
  }

  /** Ends every session at once and writes no checkpoint, as a crash does; resolves when it has recovered. */
  async crash(): Promise<void> {
    const { port, dataDir, password } = this;
    const postmaster = Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
    process.kill(postmaster, 'SIGQUIT');
    await this.running.stop();
    this.running = await startPostgres({ dataDir, port, password, settings: SETTINGS });
  }

  stop(): Promise<void> {
    return this.running.stop();
  }
}

const SETTINGS = { max_connections: 200 };
