export { startPostgres, type PostgresServer } from './postgres-server.js';
export { connect, sqlState, type Database, type DatabaseOptions, type SqlExecutor } from './connect.js';
export { waitForDatabase } from './wait-for-database.js';
export { migrate, RELEASE } from './migrate.js';
export { roleOf, SCHEMAS, type SchemaName } from './schemas.js';
