import { createLogger } from '@dsops/platform';
import { readConfig } from './config.js';
import { rotateMaster } from './rotate-master.service.js';
import { setUp } from './set-up.service.js';

const COMMANDS = ['rotate-master'];

const logger = createLogger({ service: 'setup', level: 'info' });
const stop = new AbortController();
const [command, ...others] = process.argv.slice(2);
try {
  if (others.length > 0 || (command !== undefined && !COMMANDS.includes(command))) {
    logger.fatal('nothing, or one command: rotate-master');
    process.exitCode = 2;
  } else if (command === undefined) {
    const migrations = await setUp(readConfig(process.env));
    logger.info({ migrations }, 'key, database, schemas and roles are there');
  } else {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
    await rotateMaster(readConfig(process.env), (text) => logger.info(text), stop.signal);
  }
} catch (error) {
  logger.fatal(
    { error },
    command === undefined
      ? 'the installation could not be set up'
      : 'the master key is as it was, or between two: run it again',
  );
  process.exitCode = 1;
}
