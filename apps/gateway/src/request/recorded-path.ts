import { API_VERSION } from '@dsops/contracts/api';
import type { Operation } from '@dsops/contracts/define-operation';
import { pathOf } from '@dsops/contracts/request-path';

/**
 * The path as the record keeps it: with its parameters when they are what the contract asks for, else as the template.
 * So nothing gets into the record that somebody sent by mistake in the place of a name.
 */
export function recordedPath(operation: Operation, params: Readonly<Record<string, string>>): string {
  const isValid = operation.params === undefined || operation.params.safeParse(params).success;
  return `/api/v${API_VERSION}${isValid ? pathOf(operation, { params }) : operation.path}`;
}
