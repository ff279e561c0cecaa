import { isDomainError } from '@dsops/kernel';
import { HELP, readConfig } from './config.js';
import type { Installation } from './installation.js';
import { Screen } from './screen.js';

const screen = new Screen(process.stdout, { hasColors: process.stdout.isTTY === true && !process.env.NO_COLOR });

/** Starts, stays up, and stops in order: services first, database last. The exit code is 0 after Ctrl-C. */
async function main(): Promise<void> {
  const config = readConfig(process.argv.slice(2), process.env);
  if (config.wantsHelp) {
    process.stdout.write(HELP);
    return;
  }
  // Help and mistyped options need none of the services.
  const { Installation } = await import('./installation.js');
  const installation = new Installation(config, screen);
  const isStopping = stopOnSignals(installation);
  try {
    await installation.start();
  } catch (error) {
    if (isStopping()) return;
    await installation.stop();
    throw error;
  }
}

function stopOnSignals(installation: Installation): () => boolean {
  let isStopping = false;
  const stop = () => {
    if (isStopping) return;
    isStopping = true;
    screen.text();
    screen.text('stopping …');
    installation.stop().then(
      () => {
        screen.text('stopped; nothing is left running');
        process.exit(0);
      },
      () => process.exit(1),
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  return () => isStopping;
}

main().catch((error: unknown) => {
  if (isDomainError(error)) screen.problem(error);
  else {
    process.stderr.write(`\ndsops could not start. This is a fault of dsops, please report it.\n`);
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  }
  process.exit(isDomainError(error) && error.kind === 'invalid' ? 2 : 1);
});
