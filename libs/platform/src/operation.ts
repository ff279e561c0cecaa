import {
  applyDecorators,
  createParamDecorator,
  HttpCode,
  RequestMapping,
  RequestMethod,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request } from 'express';
import type { z } from 'zod';
import type { BodyOf, Method, Operation, ParamsOf, QueryOf } from '@dsops/contracts/define-operation';
import { DomainError } from '@dsops/kernel';

/** The checked input of an operation; what the operation does not take is undefined. */
export interface InputOf<O extends Operation> {
  readonly params: ParamsOf<O>;
  readonly query: QueryOf<O>;
  readonly body: BodyOf<O>;
}

const METHODS: Record<Method, RequestMethod> = {
  GET: RequestMethod.GET,
  POST: RequestMethod.POST,
  PUT: RequestMethod.PUT,
  PATCH: RequestMethod.PATCH,
  DELETE: RequestMethod.DELETE,
};

/** `{name}` of the contract as Express writes it. */
export const routeOf = (operation: Operation): string => operation.path.replaceAll(/\{(\w+)\}/g, ':$1');

/** Mounts a controller's method at the operation's path. */
export const Serves = (operation: Operation): MethodDecorator =>
  applyDecorators(
    RequestMapping({ method: METHODS[operation.method], path: routeOf(operation) }),
    HttpCode(operation.status),
  );

/** Parameter decorator: params, query and body of the operation, checked. `@Input(op) input: InputOf<typeof op>` */
export const Input = createParamDecorator((operation: Operation, context: ExecutionContext) =>
  parseInput(operation, context.switchToHttp().getRequest<Request>()),
);

/**
 * Checks what came in against the operation.
 * @throws DomainError `request_invalid`: all faults together, by path; never with the values that were sent.
 */
export function parseInput<O extends Operation>(
  operation: O,
  request: { params: unknown; query: unknown; body: unknown },
): InputOf<O> {
  const errors: { path: string; message: string }[] = [];
  const read = (schema: z.ZodType | undefined, value: unknown, prefix: string) => {
    if (schema === undefined) return undefined;
    const result = schema.safeParse(value ?? {});
    if (result.success) {
      errors.push(...unstorableIn(result.data, prefix));
      return result.data;
    }
    errors.push(...faultsOf(result.error, prefix));
    return undefined;
  };
  const input = {
    params: read(operation.params, request.params, 'path'),
    query: read(operation.query, request.query, 'query'),
    body: read(operation.body, request.body, ''),
  };
  const [first] = errors;
  if (first !== undefined)
    throw new DomainError('request_invalid', 'invalid', `${first.path}: ${first.message}`, {
      errors,
      remedy: errors.length > 1 ? `There are ${errors.length} faults; see "errors".` : 'Correct it and send it again.',
    });
  return input as InputOf<O>;
}

/**
 * Texts that JSON can carry and PostgreSQL cannot store. Found here, they are a fault of the request; later on, they would
 * be an error of ours. It looks at what a schema has let through, so it goes no deeper than schemas do.
 */
function* unstorableIn(value: unknown, at: string): Generator<{ path: string; message: string }> {
  if (typeof value === 'string') {
    if (value.includes('\0')) yield { path: at, message: 'must hold no zero character' };
    else if (!value.isWellFormed()) yield { path: at, message: 'must hold no half of a character' };
  } else if (typeof value === 'object' && value !== null)
    for (const [name, part] of Object.entries(value)) yield* unstorableIn(part, at === '' ? name : `${at}.${name}`);
}

/** Each fault with its path. Messages of zod name what was expected; they hold no value that was sent. */
export function faultsOf(error: z.ZodError, prefix = ''): { path: string; message: string }[] {
  return error.issues.flatMap((issue) => {
    const at = [prefix, ...issue.path.map(String)].filter((part) => part !== '').join('.') || 'body';
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ path: at === 'body' ? key : `${at}.${key}`, message: 'is not a known field' }));
    return [{ path: at, message: issue.message }];
  });
}
