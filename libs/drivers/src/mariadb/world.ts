import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection, type Connection } from 'mariadb';
import { mariadb } from '@dsops/contracts/rotation/targets/mariadb';
import { unwrapSecret } from '@dsops/kernel';
import type { Login, Slot } from '../driver.js';
import { generatePassword } from '../kit/password.js';
import type { Address, Tenant, World, WorldOptions } from '../kit/world.js';
import { accountOf, nameOf, nativeHash, alterAccount } from './authentication.js';
import { MariadbDriver } from './mariadb.driver.js';
import type { MariadbPlace } from './observer.js';
import { setupStatements } from './setup-sql.js';

export { openObserver } from './observer.js';

const HOST = '%';
const PROGRAMS = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

/** @throws Error that says what is missing on this machine and how to get it */
function programOf(name: string): string {
  const found = PROGRAMS.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined)
    throw new Error(`${name} is not on this machine. Install MariaDB's server: apt-get install mariadb-server`);
  return found;
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

/** A MariaDB of its own on loopback, apart from the system's service, set up as docs/targets/mariadb.md says. */
export async function startWorld({ isDurable = false }: WorldOptions = {}): Promise<World> {
  const [server, installer] = [programOf('mariadbd'), programOf('mariadb-install-db')];
  const folder = mkdtempSync(join(tmpdir(), 'dsops-mariadb-'));
  const dataDir = join(folder, 'data');
  const asUser = userInfo().username;
  // Two that are installed at the same time take each other's temporary tables away.
  const tmpDir = join(folder, 'tmp');
  mkdirSync(tmpDir);
  const common = ['--no-defaults', `--user=${asUser}`, `--datadir=${dataDir}`, `--tmpdir=${tmpDir}`];
  await promisify(execFile)(installer, [...common, '--auth-root-authentication-method=normal', '--skip-test-db']);
  const address: Address = { host: '127.0.0.1', port: await freePort() };
  const logFile = join(folder, 'server.log');
  let running: ChildProcess;

  const asRoot = (password: string, socketPath?: string): Promise<Connection> =>
    createConnection({
      ...(socketPath === undefined ? address : { socketPath }),
      user: 'root',
      password,
      connectTimeout: 2_000,
    });
  const start = async (password: string): Promise<void> => {
    const child = spawn(server, [
      ...common,
      `--socket=${join(folder, 'socket')}`,
      `--port=${address.port}`,
      `--bind-address=${address.host}`,
      `--log-error=${logFile}`,
      '--skip-name-resolve',
      '--max-connections=200',
      // What a test breaks on purpose must not block the host.
      '--max-connect-errors=1000000',
      ...(isDurable ? [] : ['--innodb-flush-log-at-trx-commit=0', '--innodb-buffer-pool-size=16M']),
    ]);
    running = child;
    for (let tries = 0; ; tries++)
      try {
        const connection = await asRoot(password);
        return await connection.end();
      } catch (error) {
        if (child.exitCode === null && tries <= 400) {
          await new Promise((resume) => setTimeout(resume, 50));
          continue;
        }
        child.kill('SIGKILL');
        throw new Error(`MariaDB did not start: ${readFileSync(logFile, 'utf8').slice(-500)}`, { cause: error });
      }
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (running.exitCode !== null || running.signalCode !== null) return;
    running.kill(signal);
    await once(running, 'exit');
  };

  const root: Login = { username: 'root', password: generatePassword() };
  await start('');
  const first = await asRoot('');
  // Accounts for a host name do not exist for a server that resolves none.
  for (const host of ['localhost', '::1', '127.0.0.1'])
    await first.query(alterAccount({ user: 'root', host, position: null }, [nativeHash(root.password)]));
  await first.query(`DROP USER IF EXISTS ''@'localhost'`);
  await first.end();

  const execute = async (...statements: string[]): Promise<void> => {
    const connection = await asRoot(unwrapSecret(root.password));
    try {
      for (const statement of statements) await connection.query(statement);
    } finally {
      await connection.end();
    }
  };

  return {
    kind: 'mariadb',
    address,
    layouts: ['two-accounts', 'dual-password'],
    commandMark: 'ALTER USER',
    driver: (limits = {}) => new MariadbDriver({ limits }),
    tenant: (name, layout = 'two-accounts') =>
      makeTenant({ name, isDual: layout === 'dual-password', address, root, execute }),
    crash: async () => {
      await end('SIGKILL');
      await start(unwrapSecret(root.password));
    },
    stop: async () => {
      await end('SIGTERM');
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

interface Parts {
  readonly name: string;
  readonly isDual: boolean;
  readonly address: Address;
  readonly root: Login;
  readonly execute: (...statements: string[]) => Promise<void>;
}

async function makeTenant({ name, isDual, address, root, execute }: Parts): Promise<Tenant> {
  const admin: Login = { username: `${name}_admin`, password: generatePassword() };
  const accounts = isDual ? [`${name}_app`] : [`${name}_a`, `${name}_b`];
  const settings = { slots: accounts, accountHost: HOST, dualPassword: isDual };
  const inPlace = { slots: [accounts[0]!], accountHost: HOST, dualPassword: false };
  const slots = mariadb.slots(settings) as [Slot, Slot];
  const positionOf = (slot: Slot) => (accountOf(slot).position ?? 1) - 1;
  await execute(
    `CREATE DATABASE ${name}`,
    ...setupStatements({ database: name, admin: admin.username, slots: accounts, accountHost: HOST }),
    alterAccount({ user: admin.username, host: HOST, position: null }, [nativeHash(admin.password)]),
    ...failsSecondValue(name),
    ...accounts.map((user) => `GRANT EXECUTE ON FUNCTION ${name}.verify TO ${nameOf({ user, host: HOST })}`),
  );
  /** What the tenant's account lets in now, kept here so that setting one password by hand keeps the other. */
  const observedAt: MariadbPlace = {
    address: { ...address },
    database: name,
    root: { user: root.username, password: unwrapSecret(root.password) },
    slots: slots.map((slot) => ({
      name: slot.name,
      user: slot.login,
      host: HOST,
      position: positionOf(slot),
    })),
  };
  const idle = (): string[] =>
    accounts.map((user) => alterAccount({ user, host: HOST, position: null }, isDual ? [null, null] : [null]));
  const endSessions = async (): Promise<void> => {
    const users = [admin.username, ...accounts].map((user) => `'${user}'`).join(', ');
    const connection = await createConnection({ ...address, user: 'root', password: unwrapSecret(root.password) });
    try {
      const rows = await connection.query<{ id: number }[]>(
        `SELECT id FROM information_schema.PROCESSLIST WHERE user IN (${users})`,
      );
      for (const { id } of rows) await connection.query(`KILL CONNECTION ${id}`).catch(() => undefined);
    } finally {
      await connection.end();
    }
  };
  await execute(...idle());
  return {
    admin,
    slots,
    settingsFor: (shape) => (shape === 'in-place' ? inPlace : settings),
    targetAt: ({ host, port }) => ({ host, port, database: name, sslMode: 'disable' }),
    checks: {
      passing: { query: 'SELECT 1' },
      failing: { query: 'SELECT 1 FROM no_such_table' },
      failingSecondValue: isDual ? null : { query: `SELECT ${name}.verify()` },
    },
    set: async (slot, value) => {
      const session = new MariadbDriver();
      const opened = await session.openSession(
        { target: { ...address, database: name, sslMode: 'disable' }, admin: root },
        'by hand',
      );
      try {
        await opened.set(slot, value);
      } finally {
        await opened.close();
      }
    },
    idle: async () => {
      await execute(...idle());
      await endSessions();
    },
    remove: async () => {
      const users = [admin.username, ...accounts];
      await execute(`DROP DATABASE ${name}`, ...users.map((user) => `DROP USER ${nameOf({ user, host: HOST })}`));
      // A session outlives its account.
      await endSessions();
    },
    holdSession: async ({ username, password }) => {
      const connection = await createConnection({
        ...address,
        database: name,
        user: username,
        password: unwrapSecret(password),
      });
      connection.on('error', () => undefined);
      return {
        isOpen: () =>
          connection.query('SELECT 1').then(
            () => true,
            () => false,
          ),
        close: async () => {
          await connection.end().catch(() => undefined);
        },
      };
    },
    observedAt,
  };
}

/**
 * A verification that the second value which meets it fails, and each other passes. Which accounts and hashes it has met
 * it keeps in two files beside the data: a verification may write nothing.
 */
function failsSecondValue(name: string): string[] {
  const mark = `./${name}_${randomBytes(6).toString('hex')}`;
  const read = (nth: string) => `CONVERT(LOAD_FILE(CONCAT(@@datadir, '${mark}_${nth}')) USING utf8mb4)`;
  const write = (nth: string) => `SELECT now_lets_in INTO OUTFILE '${mark}_${nth}' LINES TERMINATED BY ''`;
  return [
    `CREATE FUNCTION ${name}.verify() RETURNS INT SQL SECURITY DEFINER READS SQL DATA
     BEGIN
       DECLARE now_lets_in VARCHAR(255);
       SELECT CONCAT(User, ' ', SHA1(CONCAT(
                IFNULL(JSON_VALUE(Priv, '$.authentication_string'), ''),
                IFNULL(JSON_QUERY(Priv, '$.auth_or'), '')))) INTO now_lets_in
         FROM mysql.global_priv
        WHERE User = SUBSTRING_INDEX(SESSION_USER(), '@', 1) LIMIT 1;
       IF ${read('first')} IS NULL THEN ${write('first')};
       ELSEIF now_lets_in <> ${read('first')} AND ${read('second')} IS NULL THEN ${write('second')};
       END IF;
       IF now_lets_in = ${read('second')} THEN SIGNAL SQLSTATE '45000'; END IF;
       RETURN 1;
     END`,
  ];
}
