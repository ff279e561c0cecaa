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

/** An application's database with the roles that the documentation tells to make; the first slot is in use. */
export interface Shop {
  readonly database: string;
  readonly owner: string;
  readonly admin: Login;
  readonly slots: readonly [string, string];
  /** The login in use. */
  readonly current: Login;
}

/** The body of `addService` that takes a shop over. */
export type ShopRequest = ReturnType<Target['requestFor']>;

/** What is the same before and after something that must change nothing. */
export type RoleStates = Readonly<Record<string, unknown>>[];

const newPassword = () => randomBytes(18).toString('base64url');

/** A PostgreSQL that dsops administers, apart from its own. It asks everybody for a password. */
export class Target {
  private readonly clients = new Set<pg.Client>();

  protected constructor(
    private readonly server: PostgresServer,
    /** Its data and its rules of access, and what tests put beside them. */
    readonly folder: string,
  ) {}

  static async start(): Promise<Target> {
    const { server, folder } = await Target.begin({ max_connections: 200 });
    return new Target(server, folder);
  }

  protected static async begin(
    settings: Readonly<Record<string, string | number>>,
  ): Promise<{ server: PostgresServer; folder: string }> {
    const folder = mkdtempSync(join(tmpdir(), 'dsops-target-'));
    chmodSync(folder, 0o711); // as root the server runs under an account of its own
    writeFileSync(join(folder, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n', { mode: 0o644 });
    const server = await startPostgres({
      dataDir: join(folder, 'data'),
      password: new Secret(newPassword()),
      settings: { hba_file: join(folder, 'pg_hba.conf'), fsync: 'off', ...settings },
    });
    return { server, folder };
  }

  get port(): number {
    return this.server.port;
  }

  /** Makes a shop; its name goes into every role, so that shops do not touch each other. */
  async makeShop(
    name: string,
    passwords: { readonly admin: string; readonly current: string } = { admin: newPassword(), current: newPassword() },
  ): Promise<Shop> {
    const slots = [`${name}_a`, `${name}_b`] as const;
    const names = { database: name, admin: `${name}_admin`, owner: `${name}_owner`, slots };
    const admin = { username: names.admin, password: passwords.admin };
    const current = { username: slots[0], password: passwords.current };
    await this.sql(`create database ${name}`);
    await this.inDatabase(name, ...setupStatements(names), `alter role ${current.username} login`);
    await this.setPassword(admin);
    await this.setPassword(current);
    return { database: name, owner: names.owner, admin, slots, current };
  }

  requestFor({ database, admin, slots, owner, current }: Shop, name = database, environment = 'test') {
    return {
      name,
      environment,
      type: 'postgresql',
      target: { host: '127.0.0.1', port: this.port, database },
      admin: { ...admin },
      credential: { strategy: 'two-key', consumers: 'managed', slots: [...slots], owner, gracePeriod: '0s' },
      current: { ...current },
    };
  }

  /** As an operator of the target does it by hand. */
  async setPassword({ username, password }: Login): Promise<void> {
    await this.sql(`alter role ${username} password '${await scramVerifier(new Secret(password))}'`);
  }

  /** An open session; closed with the server at the latest. */
  async connect({ username, password }: Login, database: string): Promise<pg.Client> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, database, user: username, password });
    client.on('error', () => undefined);
    await client.connect();
    this.clients.add(client);
    client.on('end', () => this.clients.delete(client));
    return client;
  }

  /** Is this login let in, seen from outside? */
  async accepts(login: Login, database: string): Promise<boolean> {
    try {
      await (await this.connect(login, database)).end();
      return true;
    } catch {
      return false;
    }
  }

  /** Everything about roles that a command could have changed, their verifiers included; of one shop, or of all. */
  async roles(shop?: Pick<Shop, 'database'>): Promise<RoleStates> {
    return this.sql(
      `select r.*, array(select m.roleid::regrole || ' ' || m.admin_option from pg_auth_members m where m.member = r.oid order by 1) as member_of
         from pg_authid r where not starts_with(r.rolname, 'pg_') and starts_with(r.rolname, '${shop === undefined ? '' : `${shop.database}_`}')
         order by rolname`,
    );
  }

  /** Statements of the superuser, one after the other; answers the rows of the last. */
  sql<Row extends pg.QueryResultRow>(...statements: string[]): Promise<Row[]> {
    return this.inDatabase('postgres', ...statements);
  }

  async stop(): Promise<void> {
    for (const client of this.clients) await client.end().catch(() => undefined);
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  private async inDatabase<Row extends pg.QueryResultRow>(database: string, ...statements: string[]): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.server.url(database) });
    await client.connect();
    try {
      let rows: Row[] = [];
      for (const statement of statements) ({ rows } = await client.query<Row>(statement));
      return rows;
    } finally {
      await client.end();
    }
  }
}
