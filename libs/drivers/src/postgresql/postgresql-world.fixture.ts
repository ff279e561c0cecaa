import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '@dsops/database';
import { unwrapSecret } from '@dsops/kernel';
import { startFaultProxy } from '@dsops/testing';
import type { Login } from '../driver.js';
import type { DriverWorld } from '../kit/driver-conformance.js';
import { generatePassword } from './password.js';
import { PostgresqlDriver } from './postgresql.driver.js';
import { scramVerifier } from './scram.js';
import { setupStatements } from './setup-sql.js';

/** A PostgreSQL of its own with a database `shop`, set up as the documentation says; for the specs of this driver. */
export interface PostgresqlWorld extends DriverWorld {
  readonly driver: PostgresqlDriver;
  /** The server's own port, past the proxy. */
  readonly port: number;
  readonly superuser: Login;
  /** Statements as superuser, one after the other. */
  asSuperuser<Row extends pg.QueryResultRow>(...statements: string[]): Promise<Row[]>;
  /** An open session that the spec closes. */
  connect(login: Login | 'superuser', database?: string): Promise<pg.Client>;
  /** Everything the server logged so far is in files here, with log_statement = all. */
  readonly logFolder: string;
  restart(): Promise<void>;
  /** Turns TLS on with this certificate and key (PEM). */
  encrypt(certificate: string, key: string): Promise<void>;
  /** Bytes straight to the server, for tests that stand between. */
  rawSocket(): Socket;
}

/** `anybody` is let in without a password, `shut_out` never; everyone else by SCRAM. */
const HBA = `host all anybody 127.0.0.1/32 trust
host all shut_out 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
`;

export const NAMES = { database: 'shop', admin: 'dsops_admin', owner: 'shop_owner', slots: ['shop_a', 'shop_b'] };

/** Short enough for tests, in the order of the real ones: the target gives up before we do. */
export const LIMITS = {
  connectTimeoutMs: 1_500,
  lockTimeoutMs: 400,
  statementTimeoutMs: 800,
  answerTimeoutMs: 1_200,
  endTimeoutMs: 3_000,
  lookEveryMs: 10,
};

export async function startPostgresqlWorld(settings: Record<string, string | number> = {}): Promise<PostgresqlWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'dsops-target-'));
  chmodSync(folder, 0o711); // as root the server runs under an account of its own
  writeFileSync(join(folder, 'pg_hba.conf'), HBA, { mode: 0o644 });
  const password = generatePassword();
  const start = (port?: number) =>
    startPostgres({
      dataDir: join(folder, 'data'),
      password,
      ...(port !== undefined && { port }),
      settings: {
        hba_file: join(folder, 'pg_hba.conf'),
        max_connections: 40,
        fsync: 'off',
        log_statement: 'all',
        logging_collector: 'on',
        // The starter waits for this sentence on standard error, where the collector leaves one line of its own.
        log_line_prefix: 'ready to accept connections %a ',
        ...settings,
      },
    });
  let server = await start();
  const { port } = server;
  const proxy = await startFaultProxy({ host: '127.0.0.1', port });
  const superuser = { username: 'postgres', password };
  const admin: Login = { username: NAMES.admin, password: generatePassword() };

  async function connect(login: Login | 'superuser', database = NAMES.database): Promise<pg.Client> {
    const { username, password } = login === 'superuser' ? superuser : login;
    const options = login === 'superuser' ? '-c default_transaction_read_only=off' : '-c application_name=application';
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      database,
      user: username,
      password: unwrapSecret(password),
      options,
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }
  async function inDatabase<Row extends pg.QueryResultRow>(database: string, statements: string[]): Promise<Row[]> {
    const client = await connect('superuser', database);
    try {
      let rows: Row[] = [];
      for (const statement of statements) ({ rows } = await client.query<Row>(statement));
      return rows;
    } finally {
      await client.end();
    }
  }
  const untilUp = async () => {
    for (let tries = 0; ; tries++)
      try {
        return await (await connect('superuser', 'postgres')).end();
      } catch (error) {
        if (tries > 200) throw error;
        await new Promise((resume) => setTimeout(resume, 25));
      }
  };
  await untilUp();
  await inDatabase('postgres', [`CREATE DATABASE ${NAMES.database}`]);
  await inDatabase(NAMES.database, [
    ...setupStatements(NAMES),
    `ALTER ROLE ${NAMES.admin} PASSWORD '${await scramVerifier(admin.password)}'`,
    `GRANT CREATE ON SCHEMA public TO ${NAMES.owner}`,
  ]);
  const clients = new Set<pg.Client>();

  return {
    driver: new PostgresqlDriver({ limits: LIMITS }),
    target: { host: proxy.host, port: proxy.port, database: NAMES.database, sslMode: 'disable' },
    proxy,
    port,
    admin,
    superuser,
    slots: NAMES.slots,
    owner: NAMES.owner,
    commandMark: 'ALTER ROLE',
    passingQuery: 'SELECT 1',
    failingQuery: 'SELECT 1 FROM no_such_table',
    logFolder: join(folder, 'data', 'log'),
    connect,
    asSuperuser: (...statements) => inDatabase(NAMES.database, statements),
    canLogIn: (login) =>
      connect(login).then(
        async (client) => client.end().then(() => true),
        () => false,
      ),
    holdSession: async (login) => {
      const client = await connect(login);
      clients.add(client);
      return {
        isOpen: () =>
          client.query('SELECT 1').then(
            () => true,
            () => false,
          ),
        close: () => client.end(),
      };
    },
    reset: async () => {
      if (!proxy.isListening()) await proxy.reopen();
      proxy.weather({ kind: 'clear' });
      proxy.cutAll();
      await inDatabase(NAMES.database, [
        ...NAMES.slots.map((slot) => `ALTER ROLE ${slot} NOLOGIN PASSWORD NULL`),
        `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
          WHERE usename IN ('${[NAMES.admin, ...NAMES.slots].join("', '")}')`,
      ]);
    },
    encrypt: async (certificate, key) => {
      const { uid, gid } = statSync(join(folder, 'data'));
      for (const [name, text] of Object.entries({ 'server.crt': certificate, 'server.key': key })) {
        const path = join(folder, 'data', name);
        writeFileSync(path, text, { mode: 0o600 });
        chownSync(path, uid, gid);
      }
      await inDatabase('postgres', ['ALTER SYSTEM SET ssl = on', 'SELECT pg_reload_conf()']);
      for (let tries = 0; tries < 100; tries++) {
        const [row] = await inDatabase<{ ssl: string }>('postgres', ['SHOW ssl']);
        if (row?.ssl === 'on') return;
      }
      throw new Error('The server did not turn TLS on.');
    },
    rawSocket: () => connectSocket(port, '127.0.0.1'),
    restart: async () => {
      await server.stop();
      server = await start(port);
      await untilUp();
    },
    close: async () => {
      await proxy.close();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A login that nobody set. */
export const aLogin = (username: string, password = generatePassword()): Login => ({ username, password });
