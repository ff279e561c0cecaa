import { createLogger } from '@dsops/platform';
import { readConfig } from './config.js';
import { setUp } from './set-up.service.js';

const logger = createLogger({ service: 'setup', level: 'info' });
try {
  const migrations = await setUp(readConfig(process.env));
  logger.info({ migrations }, 'key, database, schemas and roles are there');
} catch (error) {
  logger.fatal({ error }, 'the installation could not be set up');
  process.exitCode = 1;
}
