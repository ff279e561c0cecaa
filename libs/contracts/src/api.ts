import type { Operation } from './define-operation.js';
import * as services from './generated/operations.js';

/** The API's version: the `1` of `/api/v1`. */
export const API_VERSION = 1;
/** A CLI older than this is told to update, before it misreads an answer. */
export const OLDEST_CLIENT = '0.1.0';
/** Request header `dsops-client: cli/0.1.0`. */
export const CLIENT_HEADER = 'dsops-client';

const isOperation = (value: unknown): value is Operation =>
  typeof value === 'object' && value !== null && 'method' in value && 'response' in value;

/** Every operation of the public API. */
export const operations: readonly Operation[] = Object.values<object>(services).flatMap((module) =>
  Object.values(module).filter(isOperation),
);
