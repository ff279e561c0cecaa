// The driver of every kind of target, a line each; its declaration stands in libs/contracts/src/rotation/targets/kinds.ts.
export { PostgresqlDriver as postgresql } from './postgresql/postgresql.driver.js';
export { MariadbDriver as mariadb } from './mariadb/mariadb.driver.js';
