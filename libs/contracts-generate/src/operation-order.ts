import { operations } from '@dsops/contracts/api';
import type { Operation } from '@dsops/contracts/define-operation';

const METHODS: readonly Operation['method'][] = ['GET', 'POST', 'DELETE'];

/** The operations as a reader looks for them: by path, then by method. */
export const operationsInOrder = (): Operation[] =>
  operations.toSorted(
    (one, other) =>
      Number(one.path > other.path) - Number(one.path < other.path) ||
      METHODS.indexOf(one.method) - METHODS.indexOf(other.method),
  );
