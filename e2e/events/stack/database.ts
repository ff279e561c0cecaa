import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { migrate, openPool, withClient, type DatabaseOptions } from '@dsops/database';
import { Secret } from '@dsops/kernel';
import { DurablePostgres } from '../../harness/durable-postgres.js';

const DATABASE = 'dsops';

/** Our database on a server of its own, which can be killed and started again on its data. */
export class OwnDatabase {
  private constructor(
    private readonly server: DurablePostgres,
    private readonly password: Secret,
    /** As superuser, for looking from outside. */
    readonly admin: pg.Pool,
  ) {}

  static async start(dataDir: string): Promise<OwnDatabase> {
    const password = new Secret(randomBytes(24).toString('base64url'));
    const server = await DurablePostgres.start(dataDir, password);
    await withClient(server.url(), (postgres) => postgres.query(`create database ${DATABASE}`));
    await migrate({ adminUrl: server.url(DATABASE), passwordOf: () => password });
    // Its connections are killed with the server, and others are opened.
    return new OwnDatabase(server, password, openPool({ connectionString: server.url(DATABASE), max: 3 }));
  }

  get options(): DatabaseOptions {
    return { host: '127.0.0.1', port: this.server.port, database: DATABASE, password: this.password };
  }

  kill(): Promise<void> {
    return this.server.kill();
  }

  /** Starts it again where it was; resolves when it has recovered. */
  start(): Promise<void> {
    return this.server.startAgain();
  }

  async stop(): Promise<void> {
    await this.admin.end();
    await this.server.stop();
  }
}
