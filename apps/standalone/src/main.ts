import { isDomainError } from '@dsops/kernel';
import { HELP, readConfig } from './config.js';
import { Screen } from './screen.js';
import { stopOnSignals } from './stop-on-signals.js';

const screen = new Screen(process.stdout, { hasColors: process.stdout.isTTY === true && !process.env.NO_COLOR });

/** Starts, stays up, and stops in order: services first, database last. The exit code is 0 after Ctrl-C. */
async function main(): Promise<void> {
  const config = readConfig(process.argv.slice(2), process.env);
  if (config.wantsHelp) {
    process.stdout.write(HELP);
    return;
  }
  // Help and mistyped options need none of the services.
  const { StandaloneServer } = await import('./installation.js');
  const installation = new StandaloneServer(config, screen);
  const isStopping = stopOnSignals(installation, screen, end);
  try {
    await installation.start();
  } catch (error) {
    if (isStopping()) return;
    await installation.stop();
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
    process.stderr.write(`\ndsops could not start. This is a fault of dsops, please report it.\n`);
    tell(error);
  }
  process.exit(isDomainError(error) && error.kind === 'invalid' ? 2 : 1);
});
