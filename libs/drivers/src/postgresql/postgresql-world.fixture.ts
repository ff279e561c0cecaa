import { chownSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { join } from 'node:path';
import type pg from 'pg';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { startFaultProxy, type FaultProxy } from '@dsops/testing';
import type { Login, Slot, TargetDriver } from '../driver.js';
import { generatePassword } from '../kit/password.js';
import type { HeldSession } from '../kit/world.js';
import { PostgresqlDriver } from './postgresql.driver.js';
import type { Wanted } from './wanted.js';
import { startWorld } from './world.js';

/** A world with one tenant and a proxy before the server, for specs about PostgreSQL. */
export interface PostgresqlWorld {
  readonly driver: TargetDriver;
  /** The target as the driver reaches it: through `proxy`. */
  readonly target: PostgresqlTarget;
  readonly proxy: FaultProxy;
  /** The server's own port, past the proxy. */
  readonly port: number;
  readonly admin: Login;
  readonly superuser: Login;
  readonly slots: readonly string[];
  readonly owner: string;
  readonly passingQuery: string;
  readonly failingQuery: string;
  /** A login past driver and proxy: what is really true. */
  canLogIn(login: Login): Promise<boolean>;
  holdSession(login: Login): Promise<HeldSession>;
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
  /** Makes all slots idle and the network well again. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export const NAMES = { database: 'shop', admin: 'shop_admin', owner: 'shop_owner', slots: ['shop_a', 'shop_b'] };

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
  const world = await startWorld({
    settings: {
      max_connections: 40,
      log_statement: 'all',
      logging_collector: 'on',
      // The starter waits for this sentence on standard error, where the collector leaves one line of its own.
      log_line_prefix: 'ready to accept connections %a ',
      ...settings,
    },
  });
  const tenant = await world.tenant(NAMES.database);
  const { address, superuser, dataDir } = world;
  const proxy = await startFaultProxy(address);
  const asSuperuser: PostgresqlWorld['asSuperuser'] = (...statements) =>
    world.asSuperuser(NAMES.database, ...statements);

  return {
    driver: new PostgresqlDriver({ limits: LIMITS }),
    target: { host: proxy.host, port: proxy.port, database: NAMES.database, sslMode: 'disable' },
    proxy,
    port: address.port,
    admin: tenant.admin,
    superuser,
    slots: NAMES.slots,
    owner: NAMES.owner,
    passingQuery: 'SELECT 1',
    failingQuery: 'SELECT 1 FROM no_such_table',
    logFolder: join(dataDir, 'log'),
    connect: (login, database = NAMES.database) =>
      login === 'superuser'
        ? world.connect(superuser, database, '-c default_transaction_read_only=off')
        : world.connect(login, database, '-c application_name=application'),
    asSuperuser,
    canLogIn: (login) =>
      world.connect(login, NAMES.database).then(
        async (client) => client.end().then(() => true),
        () => false,
      ),
    holdSession: (login) => tenant.holdSession(login),
    reset: async () => {
      if (!proxy.isListening()) await proxy.reopen();
      proxy.weather({ kind: 'clear' });
      proxy.cutAll();
      await tenant.idle();
    },
    encrypt: async (certificate, key) => {
      const { uid, gid } = statSync(dataDir);
      for (const [name, text] of Object.entries({ 'server.crt': certificate, 'server.key': key })) {
        const path = join(dataDir, name);
        writeFileSync(path, text, { mode: 0o600 });
        chownSync(path, uid, gid);
      }
      await asSuperuser('ALTER SYSTEM SET ssl = on', 'SELECT pg_reload_conf()');
      for (let tries = 0; tries < 100; tries++) {
        const [row] = await asSuperuser<{ ssl: string }>('SHOW ssl');
        if (row?.ssl === 'on') return;
      }
      throw new Error('The server did not turn TLS on.');
    },
    rawSocket: () => connectSocket(address.port, address.host),
    restart: () => world.restart(),
    close: async () => {
      await proxy.close();
      await world.stop();
    },
  };
}

/** A login that nobody set. */
export const aLogin = (username: string, password = generatePassword()): Login => ({ username, password });
/** On PostgreSQL a slot bears the name of its login. */
export const aSlot = (login: string): Slot => ({ name: login, login });

/** What is asked of the driver when these roles are to be rotated. */
export type Asked = Pick<Wanted, 'shape' | 'slots' | 'owner' | 'inUse'> & Partial<Wanted>;
export const asked = ({ owner, slots, acceptedDifferences, ...wanted }: Asked) => ({
  endsSessions: false,
  ...wanted,
  settings: {
    slots: [...slots],
    ...(owner !== null && { owner }),
    ...(acceptedDifferences && { acceptedDifferences: [...acceptedDifferences] }),
  },
  slots: slots.map(aSlot),
});
