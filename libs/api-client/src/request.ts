import type { z } from 'zod';
import type { Operation } from '@dsops/contracts/define-operation';
import { DomainError } from '@dsops/kernel';

interface AnyRequest {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
}

export interface Fault {
  readonly path: string;
  readonly message: string;
}

export const wordFault = ({ path, message }: Fault): string => (path ? `${path}: ${message}` : message);

/**
 * Tells about a wrong name or value before anything is sent, by the schemas that the server uses as well.
 * @throws DomainError `request_invalid`
 */
export function assertSendable(operation: Operation, request: AnyRequest): void {
  const parts = [
    [operation.params, request.params],
    [operation.query, request.query ?? (operation.query ? {} : undefined)],
    [operation.body, request.body],
  ] as const;
  const errors = parts.flatMap(([schema, value]) => (schema ? faultsOf(schema, value) : []));
  const [first] = errors;
  if (first === undefined) return;
  throw new DomainError('request_invalid', 'invalid', `The request is not valid: ${wordFault(first)}`, {
    errors,
    remedy: 'Correct it and try again.',
  });
}

function faultsOf(schema: z.ZodType, value: unknown): Fault[] {
  const parsed = schema.safeParse(value);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
}
