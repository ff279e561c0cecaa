// Every kind of target, a line each.
export { postgresql } from './postgresql.js';
