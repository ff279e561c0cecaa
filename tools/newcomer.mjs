import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { helpOnRequest, root } from './run.mjs';

helpOnRequest(`
pnpm test:newcomer [--keep]

Does what a newcomer does, in a fresh clone of the last commit with empty caches and another home folder:
starts dsops with the README's first command, watches the rotation, presses Ctrl-C; then starts with another empty
data folder, is killed in the middle of the rotation, starts again, and must see the rotation finished.

  --keep   leaves the folder behind, for looking around
`);

const folder = mkdtempSync(join(tmpdir(), 'dsops-newcomer-'));
chmodSync(folder, 0o711);
const clone = join(folder, 'dsops');
const home = join(folder, 'home');
mkdirSync(home);
// How this machine reaches its package registry is no part of a newcomer's experience.
const npmrc = join(homedir(), '.npmrc');
if (existsSync(npmrc)) copyFileSync(npmrc, join(home, '.npmrc'));

const isWindows = process.platform === 'win32';
const running = new Set();

function run(command, args, options = {}) {
  // A group of its own, so that Ctrl-C can be sent to all of it as a terminal does.
  const child = spawn(command, args, {
    cwd: clone,
    detached: !isWindows,
    shell: isWindows,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  running.add(child);
  let output = '';
  const listeners = new Set();
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      // Where FORCE_COLOR is set, the screen is coloured without a terminal.
      output += stripVTControlCharacters(String(chunk));
      for (const listener of [...listeners]) listener();
    });
  const ended = new Promise((done) => child.once('close', (code) => (running.delete(child), done(code))));
  const until = (pattern, timeoutMs) =>
    new Promise((done, failed) => {
      const timer = setTimeout(
        () => failed(new Error(`waited ${timeoutMs / 1000} s for ${pattern}; the screen was:\n${output}`)),
        timeoutMs,
      );
      const look = () => pattern.test(output) && (clearTimeout(timer), listeners.delete(look), done(output));
      listeners.add(look);
      ended.then(() =>
        pattern.test(output)
          ? look()
          : (clearTimeout(timer), failed(new Error(`ended before ${pattern}; the screen was:\n${output}`))),
      );
      look();
    });
  return { child, ended, until, screen: () => output };
}

function environment(data) {
  const env = {
    ...process.env,
    HOME: home,
    USERPROFILE: home,
    DSOPS_HOME: data,
    npm_config_cache: join(folder, 'npm-cache'),
  };
  // What pnpm and npm told this process must not reach the newcomer's.
  for (const name of Object.keys(env))
    if (/^(npm_(?!config_cache)|pnpm_|XDG_|NODE_OPTIONS|INIT_CWD|NODE$)/i.test(name)) delete env[name];
  env.PATH = env.PATH.split(isWindows ? ';' : ':')
    .filter((entry) => !entry.includes('node_modules'))
    .join(isWindows ? ';' : ':');
  return env;
}

const startOn = (data) => run('npx', ['-y', 'pnpm@12', 'start', '--port', '0'], { env: environment(data) });
const pidOf = (data) => Number.parseInt(readFileSync(join(data, 'lock'), 'utf8'), 10);
const isAlive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

async function pressCtrlC(started) {
  if (isWindows) started.child.kill('SIGINT');
  else process.kill(-started.child.pid, 'SIGINT');
  return started.ended;
}

let failures = 0;
let passes = 0;
function expect(what, isTrue) {
  if (isTrue) passes += 1;
  else failures += 1;
  console.log(`${isTrue ? '✓' : '✗'} ${what}`);
}

async function firstStart() {
  const data = join(home, 'dsops-first');
  const startedAt = performance.now();
  const started = startOn(data);
  const screen = await started.until(/Ctrl-C stops/, 300_000);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(screen);
  console.log(`first start from empty caches: ${seconds} s\n`);
  expect('the rotation completed', /✓ completed\s/.test(screen));
  expect('the client was refused never', /refused\s+0\n/.test(screen));
  expect('the server refuses the old password', /the old password now\s+refused/.test(screen));
  const pid = pidOf(data);
  await pressCtrlC(started);
  expect('Ctrl-C stops it', /nothing is left running/.test(started.screen()) && !isAlive(pid));

  const again = startOn(data);
  const second = await again.until(/Ctrl-C stops/, 120_000);
  expect(
    'the second start makes nothing twice',
    /The sample is still here/.test(second) && !/A small world/.test(second),
  );
  await pressCtrlC(again);
}

async function killedInTheMiddle() {
  const data = join(home, 'dsops-killed');
  const started = startOn(data);
  await started.until(/while the shop keeps logging in[\s\S]*✓/, 120_000);
  process.kill(pidOf(data), 'SIGKILL');
  await started.ended;
  const again = startOn(data);
  const screen = await again.until(/Ctrl-C stops/, 120_000);
  console.log(screen);
  expect(
    'the interrupted rotation is finished',
    /Finishing the rotation that was interrupted[\s\S]*✓ completed\s/.test(screen),
  );
  await pressCtrlC(again);
}

try {
  const cloning = run('git', ['clone', '--quiet', root, clone], { cwd: folder });
  if ((await cloning.ended) !== 0) throw new Error(`git clone failed: ${cloning.screen()}`);
  await firstStart();
  await killedInTheMiddle();
} catch (error) {
  failures += 1;
  console.error(`✗ ${error.message}`);
} finally {
  for (const child of running) process.kill(isWindows ? child.pid : -child.pid, 'SIGKILL');
  if (process.argv.includes('--keep')) console.log(`left behind: ${folder}`);
  else rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}
console.log(`${passes} passed, ${failures} failed`);
process.exit(failures === 0 ? 0 : 1);
