import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '@dsops/database';
import { Secret } from '@dsops/kernel';
import { scramVerifier, setupStatements } from '@dsops/drivers';

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** An application's database at the target, and the roles that dsops needs; the first slot is in use. */
export interface Shop {
  readonly database: string;
  readonly owner: string;
  readonly admin: Login;
  readonly slots: readonly [string, string];
  readonly current: Login;
}

/** The body of `addService` that takes a shop over. */
export type ShopRequest = ReturnType<Target['requestFor']>;

/** A PostgreSQL that dsops administers, apart from its own. It asks everybody for a password. */
export class Target {
  private constructor(
    private readonly server: PostgresServer,
    private readonly folder: string,
  ) {}

  static async start(): Promise<Target> {
    const folder = mkdtempSync(join(tmpdir(), 'dsops-e2e-target-'));
    chmodSync(folder, 0o711); // as root the server runs under an account of its own
    const hba = join(folder, 'pg_hba.conf');
    writeFileSync(hba, 'host all all 127.0.0.1/32 scram-sha-256\n', { mode: 0o644 });
    const server = await startPostgres({
      dataDir: join(folder, 'data'),
      password: new Secret(randomBytes(18).toString('base64url')),
      settings: { hba_file: hba, fsync: 'off', max_connections: 200 },
    });
    return new Target(server, folder);
  }

  get port(): number {
    return this.server.port;
  }

  /** Makes a shop; its name goes into every role, so that shops do not touch each other. */
  async makeShop(name: string): Promise<Shop> {
    const newPassword = () => randomBytes(18).toString('base64url');
    const names = {
      database: name,
      admin: `${name}_admin`,
      owner: `${name}_owner`,
      slots: [`${name}_a`, `${name}_b`] as const,
    };
    const admin = { username: names.admin, password: newPassword() };
    const current = { username: names.slots[0], password: newPassword() };
    await this.sql('postgres', `create database ${name}`);
    await this.sql(name, ...setupStatements(names));
    await this.setPassword(admin);
    await this.sql('postgres', `alter role ${current.username} login`);
    await this.setPassword(current);
    return { database: name, owner: names.owner, admin, slots: names.slots, current };
  }

  requestFor({ database, admin, slots, owner, current }: Shop, name = database, environment = 'test') {
    return {
      name,
      environment,
      target: { host: '127.0.0.1', port: this.port, database },
      admin: { ...admin },
      credential: { strategy: 'two-key', slots: [...slots], owner, gracePeriod: '0s' },
      current: { ...current },
    };
  }

  /** As an operator of the target does it by hand. */
  async setPassword({ username, password }: Login): Promise<void> {
    await this.sql('postgres', `alter role ${username} password '${await scramVerifier(new Secret(password))}'`);
  }

  /** Is this login let in, seen from outside? */
  async accepts({ username, password }: Login, database: string): Promise<boolean> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, database, user: username, password });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Statements of the superuser; answers the rows of the last. */
  async sql(database: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.server.url(database) });
    await client.connect();
    try {
      let rows: Record<string, unknown>[] = [];
      for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement));
      return rows;
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
