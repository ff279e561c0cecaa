import type { z } from 'zod';
import type { Operation } from '@dsops/contracts/define-operation';
import { DomainError } from '@dsops/kernel';

interface AnyRequest {
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly query?: unknown;
  readonly body?: unknown;
}

/** Path and query of a call, below `/api/v1`. */
export function pathOf(operation: Operation, { params, query }: AnyRequest): string {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params?.[name] as string));
  const pairs = Object.entries((query ?? {}) as Record<string, unknown>).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, String(value)]));
  return pairs.length === 0 ? path : `${path}?${search}`;
}

/** Tells about a wrong name or value before anything is sent, by the schemas that the server uses as well. */
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
    remedy: 'Correct it and try again; "--help" shows how.',
  });
}

interface Fault {
  readonly path: string;
  readonly message: string;
}

export const wordFault = ({ path, message }: Fault): string => (path ? `${path}: ${message}` : message);

function faultsOf(schema: z.ZodType, value: unknown): Fault[] {
  const parsed = schema.safeParse(value);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
}
