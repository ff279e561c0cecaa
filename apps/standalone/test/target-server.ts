import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '@dsops/database';
import { Secret } from '@dsops/kernel';
import { scramVerifier, setupStatements } from '@dsops/drivers';
import { eventually, startFaultProxy, type FaultProxy } from '@dsops/testing';

const ASK_EVERYBODY = 'host all all 127.0.0.1/32 scram-sha-256\n';

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** An application's database with the roles that the documentation tells to make; the first slot is in use. */
export interface Shop {
  readonly database: string;
  readonly admin: Login;
  readonly owner: string;
  readonly slots: readonly [string, string];
  /** The login in use. */
  readonly current: Login;
}

/** What is the same before and after something that must change nothing. */
export type RoleStates = Readonly<Record<string, unknown>>[];

/** A PostgreSQL that dsops administers, apart from its own; it logs every statement. */
export class TargetServer {
  private readonly clients = new Set<pg.Client>();

  private readonly ways: FaultProxy[] = [];

  private constructor(
    private readonly server: PostgresServer,
    /** Its data, and what tests put beside it. */
    readonly folder: string,
  ) {}

  static async start(): Promise<TargetServer> {
    const folder = mkdtempSync(join(tmpdir(), 'dsops-target-'));
    chmodSync(folder, 0o711); // as root the server runs under an account of its own
    writeFileSync(join(folder, 'pg_hba.conf'), ASK_EVERYBODY, { mode: 0o644 });
    const server = await startPostgres({
      dataDir: join(folder, 'data'),
      password: new Secret(randomBytes(18).toString('base64url')),
      settings: {
        hba_file: join(folder, 'pg_hba.conf'),
        fsync: 'off',
        log_statement: 'all',
        logging_collector: 'on',
        // The starter waits for this sentence on standard error, where the collector leaves one line of its own.
        log_line_prefix: 'ready to accept connections %a ',
      },
    });
    const target = new TargetServer(server, folder);
    await eventually(() => target.sql('select 1'));
    return target;
  }

  get port(): number {
    return this.server.port;
  }

  /** Another way to the server, on which things can be lost, delayed or cut off. */
  async way(): Promise<FaultProxy> {
    const way = await startFaultProxy({ host: '127.0.0.1', port: this.port });
    this.ways.push(way);
    return way;
  }

  /** From now on the roles of this shop are let in with any password, as with `trust` in many a test system. */
  async letAnybodyIn({ database, current }: Shop): Promise<void> {
    const before = readFileSync(join(this.folder, 'pg_hba.conf'), 'utf8');
    writeFileSync(join(this.folder, 'pg_hba.conf'), `host all /^${database}_ 127.0.0.1/32 trust\n${before}`);
    await this.sql('select pg_reload_conf()');
    const anybody = { username: current.username, password: 'whatever it is' };
    await eventually(async () => expect(await this.accepts(anybody, database)).toBe(true));
  }

  /** Everything that the server has logged. */
  logFiles(): string[] {
    const logs = join(this.folder, 'data', 'log');
    return readdirSync(logs).map((name) => join(logs, name));
  }

  /** Statements of the superuser, one after the other; answers the rows of the last. */
  async sql<Row extends pg.QueryResultRow>(...statements: string[]): Promise<Row[]> {
    return this.inDatabase('postgres', ...statements);
  }

  /** Makes a database and its roles; `label` goes into every name, so that shops do not touch each other. */
  async makeShop(label: string, passwords: { admin: string; current: string }): Promise<Shop> {
    const [first, second] = [`${label}_a`, `${label}_b`];
    const names = { database: label, admin: `${label}_admin`, owner: `${label}_owner`, slots: [first, second] };
    const verifier = (password: string) => scramVerifier(new Secret(password));
    await this.sql(`create database ${names.database}`);
    await this.inDatabase(
      names.database,
      ...setupStatements(names),
      `alter role ${names.admin} password '${await verifier(passwords.admin)}'`,
      `alter role ${first} login password '${await verifier(passwords.current)}'`,
    );
    return {
      database: names.database,
      owner: names.owner,
      slots: [first, second],
      admin: { username: names.admin, password: passwords.admin },
      current: { username: first, password: passwords.current },
    };
  }

  async setPassword(role: string, password: string): Promise<void> {
    await this.sql(`alter role ${role} password '${await scramVerifier(new Secret(password))}'`);
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

  async accepts(login: Login, database: string): Promise<boolean> {
    try {
      await (await this.connect(login, database)).end();
      return true;
    } catch {
      return false;
    }
  }

  /** Everything about the roles of a shop that a command could have changed, their verifiers included. */
  async rolesOf({ database }: Pick<Shop, 'database'>): Promise<RoleStates> {
    return this.sql(
      `select r.*, array(select m.roleid::regrole || ' ' || m.admin_option from pg_auth_members m where m.member = r.oid order by 1) as member_of
         from pg_authid r where starts_with(r.rolname, '${database}_') order by rolname`,
    );
  }

  async close(): Promise<void> {
    for (const client of this.clients) await client.end().catch(() => undefined);
    for (const way of this.ways) if (way.isListening()) await way.close();
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
