export { keyPaths, type RotationOptions } from './config.js';
export { rotation, rotationService } from './service.js';
export { PostgresqlDriver, type PostgresqlDriverOptions } from '@dsops/drivers/postgresql/postgresql.driver';
export { setupStatements } from '@dsops/drivers/postgresql/setup-sql';
export { scramVerifier } from '@dsops/drivers/postgresql/scram';
