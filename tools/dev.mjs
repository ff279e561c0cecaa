#!/usr/bin/env node
/** Rebuilds on every change and restarts dsops when the build is good. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, watch as watchFolder } from 'node:fs';
import { join } from 'node:path';
import { DATABASE, makeDatabaseClients } from './database-clients.mjs';
import { commandOf, root } from './run.mjs';
import { paint, say } from './terminal.mjs';

const help = `
Usage: pnpm dev [options of start]

Builds, starts dsops, and then rebuilds on every change of a source file. When the build is good, dsops starts again
on the new code; when it is not, the errors are shown and the old one keeps running. Ctrl-C stops everything.

  --help       this text; all other options go to dsops: see pnpm start --help
`;

const passedOn = process.argv.slice(2);
if (passedOn.includes('--help') || passedOn.includes('-h')) {
  say(help.trim());
  process.exit(0);
}

const MAIN = join(root, 'apps', 'standalone', 'dist', 'main.js');
/** The compiler ends each round with this line. */
const ROUND_OVER = /Found (\d+) errors?\. Watching for file changes\./;

let program;
let isStopping = false;
/** Restarts one after the other: the next process needs the data folder that the last one still holds. */
let restarts = Promise.resolve();

const note = (text) => say(paint('dim', `── ${text}`));
const gone = (child) => new Promise((done) => (hasEnded(child) ? done() : child.once('close', done)));
const hasEnded = (child) => child.exitCode !== null || child.signalCode !== null;

async function restart() {
  if (isStopping) return;
  if (program !== undefined) {
    note('stopping dsops, to start the new build');
    program.kill('SIGTERM');
    await gone(program);
  }
  if (isStopping) return;
  const started = spawn(process.execPath, [MAIN, ...passedOn], { cwd: root, stdio: 'inherit' });
  program = started;
  started.once('close', (code) => {
    if (!isStopping && program === started && code !== 0 && code !== null)
      note(`dsops ended with ${code}; it starts again after the next change`);
  });
}

function watch() {
  const options = ['-b', '--watch', '--preserveWatchOutput', ...(process.stdout.isTTY ? ['--pretty'] : [])];
  const compiler = spawn(process.execPath, [commandOf('tsc', 'typescript'), ...options], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let line = '';
  compiler.stdout.setEncoding('utf8');
  compiler.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    line += chunk;
    for (let end = line.indexOf('\n'); end >= 0; end = line.indexOf('\n')) {
      const round = ROUND_OVER.exec(line.slice(0, end));
      line = line.slice(end + 1);
      if (round?.[1] === '0') restarts = restarts.then(restart);
      else if (round) note('dsops keeps running on the last good build');
    }
  });
  return compiler;
}

/** The compiler sees a client that was made anew, as any other change; an editor tells of one save more than once. */
function watchSchemas() {
  let last = Promise.resolve();
  const remake = () =>
    (last = last
      .then(makeDatabaseClients)
      .catch(({ message }) => note(`${message}\n── dsops keeps the last good client`)));
  for (const service of existsSync(DATABASE) ? readdirSync(DATABASE) : [])
    if (existsSync(join(DATABASE, service, 'schema.prisma')))
      watchFolder(join(DATABASE, service), (_, file) => file === 'schema.prisma' && void remake());
}

await makeDatabaseClients().catch(({ message }) => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
});
watchSchemas();
const compiler = watch();

/** A terminal sends Ctrl-C to every process of the group; a signal from elsewhere has to be passed on. */
async function stop(signal) {
  if (isStopping) return;
  isStopping = true;
  compiler.kill();
  if (program !== undefined && !hasEnded(program)) {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) program.kill('SIGTERM');
    await gone(program);
  }
  await gone(compiler);
  process.exit(0);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void stop(signal));
compiler.once('close', () => {
  if (isStopping) return;
  process.stderr.write('The compiler ended. Start again with: pnpm dev\n');
  void stop('SIGTERM');
});
