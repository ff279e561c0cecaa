export { PostgresqlDriver, type PostgresqlDriverOptions } from './postgresql/postgresql.driver.js';
export { setupStatements } from './postgresql/setup-sql.js';
export { scramVerifier } from './postgresql/scram.js';
