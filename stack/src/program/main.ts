import { fileURLToPath } from 'node:url';
import { isDomainError } from '@dsops/kernel';
import { Screen } from '@dsops/standalone/screen';
import { stopOnSignals } from '@dsops/standalone/stop-on-signals';
import { HELP, readConfig, type Config } from './config.js';

const screen = new Screen(process.stdout, { hasColors: process.stdout.isTTY === true && !process.env.NO_COLOR });
const write = (text: string) => void process.stdout.write(text);

async function main(): Promise<void> {
  const config = readConfig(process.argv.slice(2), process.env);
  // Whoever read what we say has had enough, such as `head`. A stack goes on; everything else has nothing left to do.
  process.stdout.on('error', () => {
    if (config.command !== 'up') process.exit(0);
  });
  // Each command brings only what it needs: `status` and `logs` answer at once.
  switch (config.command) {
    case undefined:
      return write(HELP);
    case 'up':
      if (!config.isDetached || config.isWatcher) return runHere(config);
      process.exitCode = await leaveRunning(config);
      return;
    case 'down':
      return (await import('./down.js')).bringDown(config.home, screen);
    case 'status':
      process.exitCode = await status(config);
      return;
    case 'logs':
      return (await import('./logs.js')).showLogs({
        folder: config.home,
        part: config.part,
        lines: config.lines,
        follows: config.follows,
        write,
      });
    case 'demo':
      return demo(config);
  }
}

const leaveRunning = async (config: Config): Promise<number> =>
  (await import('./detached.js')).startDetached(config, fileURLToPath(import.meta.url), write);

/** Where nothing runs, the demo starts what it needs, and leaves it running. */
async function demo(config: Config): Promise<void> {
  const isStarting = (await (await import('./status.js')).look(config.home)).is === 'none';
  if (isStarting) process.exitCode = await leaveRunning(config);
  if (process.exitCode) return;
  await (await import('./demo.js')).showDemo(config.home, screen);
  if (!isStarting) return;
  screen.text();
  screen.text(`The stack goes on running. This ends it: pnpm stack down${config.homeOption}`);
}

async function status(config: Config): Promise<number> {
  const { isAllUp, look, showStatus } = await import('./status.js');
  if (!config.asJson) return (await showStatus(config.home, screen)) ? 0 : 1;
  const found = await look(config.home);
  write(`${JSON.stringify(found, null, 2)}\n`);
  return isAllUp(found) ? 0 : 1;
}

/** Starts, stays up, and stops in order. The exit code is 0 after Ctrl-C. */
async function runHere(config: Config): Promise<void> {
  const { Stack } = await import('./stack.js');
  const stack = new Stack(config, screen, process.stdout);
  const isStopping = stopOnSignals(stack, screen, end);
  try {
    await stack.start();
  } catch (error) {
    if (isStopping()) return;
    await stack.stop();
    throw error;
  }
}

const tell = (error: unknown): void =>
  void process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);

function end(code: number, failure?: unknown): void {
  if (failure !== undefined) tell(failure);
  process.exit(code);
}

main().catch((error: unknown) => {
  if (isDomainError(error)) screen.problem(error);
  else {
    process.stderr.write(`\nThe stack could not do that. This is a fault of dsops, please report it.\n`);
    tell(error);
  }
  process.exit(isDomainError(error) && error.kind === 'invalid' ? 2 : 1);
});
