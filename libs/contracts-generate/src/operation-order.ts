import { operations } from '@dsops/contracts/api';
import { METHODS, type Operation } from '@dsops/contracts/define-operation';

/** The operations as a reader looks for them: by path, then by method. */
export const operationsInOrder = (): Operation[] =>
  operations.toSorted(
    (one, other) =>
      Number(one.path > other.path) - Number(one.path < other.path) ||
      METHODS.indexOf(one.method) - METHODS.indexOf(other.method),
  );
