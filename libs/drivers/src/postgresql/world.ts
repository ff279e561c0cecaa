import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '@dsops/database';
import { unwrapSecret } from '@dsops/kernel';
import type { Login, Slot } from '../driver.js';
import { generatePassword } from '../kit/password.js';
import type { Address, Tenant, World, WorldOptions } from '../kit/world.js';
import type { PostgresqlPlace } from './observer.js';
import { PostgresqlDriver } from './postgresql.driver.js';
import { scramVerifier } from './scram.js';
import { endingSessions, setupStatements } from './setup-sql.js';

export { openObserver } from './observer.js';

/** `anybody` is let in without a password, `shut_out` never; everyone else by SCRAM. */
const HBA = `host all anybody 127.0.0.1/32 trust
host all shut_out 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
`;

export interface PostgresqlWorldOptions extends WorldOptions {
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** What this kind's own specs need beside the world. */
export interface PostgresqlWorld extends World {
  readonly dataDir: string;
  readonly superuser: Login;
  tenant(name: string): Promise<PostgresqlTenant>;
  /** Statements as superuser, one after the other; answers the rows of the last. */
  asSuperuser<Row extends pg.QueryResultRow>(database: string, ...statements: string[]): Promise<Row[]>;
  /** An open session that the caller closes. */
  connect(login: Login, database: string, options?: string): Promise<pg.Client>;
  /** An orderly end and a new start on the same port. */
  restart(): Promise<void>;
}

export interface PostgresqlTenant extends Tenant {
  readonly admin: Login;
  readonly database: string;
  readonly owner: string;
}

/** A PostgreSQL of its own, set up as docs/targets/postgresql.md says. */
export async function startWorld({
  isDurable = false,
  settings = {},
}: PostgresqlWorldOptions = {}): Promise<PostgresqlWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'dsops-target-'));
  chmodSync(folder, 0o711); // as root the server runs under an account of its own
  writeFileSync(join(folder, 'pg_hba.conf'), HBA, { mode: 0o644 });
  const dataDir = join(folder, 'data');
  const superuser: Login = { username: 'postgres', password: generatePassword() };
  const start = (port?: number): Promise<PostgresServer> =>
    startPostgres({
      dataDir,
      password: superuser.password,
      ...(port !== undefined && { port }),
      settings: {
        hba_file: join(folder, 'pg_hba.conf'),
        max_connections: 200,
        ...(!isDurable && { fsync: 'off' }),
        ...settings,
      },
    });
  let server = await start();
  const address: Address = { host: '127.0.0.1', port: server.port };

  const connect: PostgresqlWorld['connect'] = async (login, database, options) => {
    const client = new pg.Client({
      ...address,
      database,
      user: login.username,
      password: unwrapSecret(login.password),
      ...(options !== undefined && { options }),
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const asSuperuser = async <Row extends pg.QueryResultRow>(database: string, ...statements: string[]) => {
    const client = await connect(superuser, database, '-c default_transaction_read_only=off');
    try {
      let rows: Row[] = [];
      for (const statement of statements) ({ rows } = await client.query<Row>(statement));
      return rows;
    } finally {
      await client.end();
    }
  };
  const untilUp = async () => {
    for (let tries = 0; ; tries++)
      try {
        return await (await connect(superuser, 'postgres')).end();
      } catch (error) {
        if (tries > 200) throw error;
        await new Promise((resume) => setTimeout(resume, 25));
      }
  };
  await untilUp();

  return {
    kind: 'postgresql',
    address,
    layouts: ['two-roles'],
    commandMark: 'ALTER ROLE',
    dataDir,
    superuser,
    asSuperuser,
    connect,
    driver: (limits = {}) => new PostgresqlDriver({ limits }),
    tenant: (name) => makeTenant({ name, address, superuser, asSuperuser, connect, url: server.url(name) }),
    crash: async () => {
      const postmaster = Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
      process.kill(postmaster, 'SIGQUIT');
      await server.stop();
      server = await start(address.port);
      await untilUp();
    },
    restart: async () => {
      await server.stop();
      server = await start(address.port);
      await untilUp();
    },
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

type Parts = Pick<PostgresqlWorld, 'address' | 'superuser' | 'asSuperuser' | 'connect'> & {
  readonly name: string;
  readonly url: string;
};

async function makeTenant({ name, address, asSuperuser, connect, url }: Parts): Promise<PostgresqlTenant> {
  const names = { database: name, admin: `${name}_admin`, owner: `${name}_owner`, slots: [`${name}_a`, `${name}_b`] };
  const admin: Login = { username: names.admin, password: generatePassword() };
  const slots: [Slot, Slot] = [
    { name: `${name}_a`, login: `${name}_a` },
    { name: `${name}_b`, login: `${name}_b` },
  ];
  await asSuperuser('postgres', `CREATE DATABASE ${name}`);
  await asSuperuser(
    name,
    ...setupStatements(names),
    // The conformance suite ends sessions, which no strategy does.
    endingSessions(names.admin),
    `ALTER ROLE ${names.admin} PASSWORD '${await scramVerifier(admin.password)}'`,
    `GRANT CREATE ON SCHEMA public TO ${names.owner}`,
    failsSecondValue(name),
  );
  const observedAt: PostgresqlPlace = { url, address: { ...address, database: name }, slots: names.slots };
  return {
    admin,
    slots,
    database: name,
    owner: names.owner,
    settingsFor: (shape) =>
      shape === 'in-place' ? { slots: [names.slots[0]!] } : { slots: names.slots, owner: names.owner },
    targetAt: ({ host, port }) => ({ host, port, database: name, sslMode: 'disable' }),
    checks: {
      passing: { query: 'SELECT 1' },
      failing: { query: 'SELECT 1 FROM no_such_table' },
      failingSecondValue: { query: `SELECT ${name}_verify()` },
    },
    set: async ({ login }, value) => {
      await asSuperuser(name, `ALTER ROLE ${login} LOGIN PASSWORD '${await scramVerifier(value)}'`);
    },
    idle: async () => {
      await asSuperuser(
        name,
        ...names.slots.map((slot) => `ALTER ROLE ${slot} NOLOGIN PASSWORD NULL`),
        `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
          WHERE usename IN ('${[names.admin, ...names.slots].join("', '")}')`,
      );
    },
    holdSession: async (login) => {
      const client = await connect(login, name, '-c application_name=application');
      return {
        isOpen: () =>
          client.query('SELECT 1').then(
            () => true,
            () => false,
          ),
        close: () => client.end(),
      };
    },
    remove: () =>
      // Roles go last, with what they own: it lies in the database.
      asSuperuser(
        'postgres',
        `DROP DATABASE ${name} WITH (FORCE)`,
        ...[...names.slots, names.admin, names.owner].map((role) => `DROP ROLE ${role}`),
      ).then(() => undefined),
    observedAt,
  };
}

/**
 * A verification that the second value which meets it fails, and each other passes; one that is set again has a new salt.
 * Which values it has met it keeps in two files beside the data: a verification may write nothing, and its transaction
 * is rolled back.
 */
const failsSecondValue = (name: string): string => {
  const mark = `${name}_${randomBytes(6).toString('hex')}`;
  const path = (nth: string) => `current_setting('data_directory') || '/${mark}_${nth}'`;
  const read = (nth: string) => `pg_read_file(${path(nth)}, 0, 1000, true)::bigint`;
  const write = (nth: string) => `execute format('copy (select %s) to %L', met, ${path(nth)})`;
  return `
    create function public.${name}_verify() returns int language plpgsql security definer as $$
    declare met bigint := (select hashtext(rolpassword)::bigint + 2147483649 from pg_authid where rolname = session_user);
    begin
      if ${read('first')} is null then ${write('first')};
      elsif met <> ${read('first')} and ${read('second')} is null then ${write('second')};
      end if;
      return 1 / (case when met = ${read('second')} then 0 else 1 end);
    end $$;`;
};
