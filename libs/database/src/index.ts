export { startPostgres, type PostgresServer } from './postgres-server.js';
export { connect, sqlState, type ClientClass } from './connect.js';
export type { Database, SqlExecutor } from './database.js';
export { columns, execute, join, query, queryOne, raw, sql, type Sql } from './sql.js';
export { loginOf, openPool, withClient, type DatabaseOptions } from './postgres.js';
export { examineDatabase, judgeDurability, probeDisk, type HouseFinding } from './house.js';
export { isDatabaseFull, isDatabaseOutage, wordOutage } from './outage.js';
export { waitForDatabase } from './wait-for-database.js';
export { migrate, MIGRATION_LOCK, RELEASE } from './migrate.js';
export {
  assertKeyIsSettled,
  keyChangeUnfinished,
  readKeyState,
  setEmbeddedPasswords,
  type KeyState,
} from './key-change.js';
export { SEALED_TABLES, type SealedTable } from './sealed-tables.js';
export { roleOf, SCHEMAS, type SchemaName } from './schemas.js';
