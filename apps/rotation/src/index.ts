export { keyPaths, type RotationOptions } from './config.js';
export { RotationModule } from './rotation.module.js';
export { openKeyFile, type KeyFileOptions } from './vault/key-file.js';
export { SealingKey } from './vault/sealing-key.js';
export { PostgresqlDriver, type PostgresqlDriverOptions } from './target/postgresql/postgresql.driver.js';
export { setupStatements } from './target/postgresql/setup-sql.js';
export { scramVerifier } from './target/postgresql/scram.js';
