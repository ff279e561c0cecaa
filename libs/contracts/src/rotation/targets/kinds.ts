// Every kind of target, a line each.
export { mariadb } from './mariadb.js';
export { postgresql } from './postgresql.js';
