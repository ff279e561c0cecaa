import { operations } from '../api.js';
import type { Operation } from '../define-operation.js';

const METHODS: readonly Operation['method'][] = ['GET', 'POST', 'DELETE'];

/** The operations as a reader looks for them: by path, then by method. */
export const operationsInOrder = (): Operation[] =>
  operations.toSorted(
    (one, other) =>
      Number(one.path > other.path) - Number(one.path < other.path) ||
      METHODS.indexOf(one.method) - METHODS.indexOf(other.method),
  );
