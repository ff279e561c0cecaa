import type { ServiceName } from '@dsops/contracts/service-names';
import type { Method, Operation, RequestOf, ResponseOf } from '@dsops/contracts/define-operation';
import { errorOf, problemSchema } from '@dsops/contracts/problem';
import { pathOf } from '@dsops/contracts/request-path';
import { DomainError } from '@dsops/kernel';
import { CALLER_HEADER, encodeCaller, type Caller } from './principal.js';
import { currentContext } from './context.js';

export const INVOKER = Symbol('Invoker');
/** Header by which a service knows that another service calls. Dapr's name for it, so that both ways of running agree. */
export const TOKEN_HEADER = 'dapr-api-token';

export interface Invocation {
  readonly method: Method;
  /** Path at the service, query string included. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A call from one service to another. Answers of any status are returned. */
export interface Invoker {
  /** @throws DomainError `service_unavailable` when no answer came. */
  invoke(service: ServiceName, invocation: Invocation): Promise<Answer>;
}

/** Invocation over HTTP inside the process: each service listens on loopback and knows the others by this token. */
export class HttpInvoker implements Invoker {
  constructor(
    private readonly urlOf: (service: ServiceName) => string,
    private readonly token: string,
  ) {}

  async invoke(service: ServiceName, invocation: Invocation): Promise<Answer> {
    try {
      const response = await fetch(`${this.urlOf(service)}${invocation.path}`, {
        method: invocation.method,
        headers: { [TOKEN_HEADER]: this.token, ...headersOf(invocation) },
        ...bodyOf(invocation),
        signal: AbortSignal.timeout(invocation.timeoutMs ?? 60_000),
      });
      return answerOf(response.status, await response.text());
    } catch (cause) {
      throw doesNotAnswer(service, cause);
    }
  }
}

/** What every call carries, whichever way it goes: its trace, the id of the request that it belongs to, its own headers. */
export function headersOf(invocation: Invocation): Record<string, string> {
  const context = currentContext();
  return {
    ...(context === undefined ? {} : { traceparent: context.traceparent, 'dsops-request-id': context.requestId ?? '' }),
    ...(invocation.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...invocation.headers,
  };
}

export const bodyOf = ({ body }: Invocation): { body?: string } =>
  body === undefined ? {} : { body: JSON.stringify(body) };

/** @throws for a body that is no JSON */
export const answerOf = (status: number, text: string): Answer => ({
  status,
  body: text === '' ? undefined : (JSON.parse(text) as unknown),
});

export const doesNotAnswer = (
  service: ServiceName,
  cause: unknown,
  { message, remedy }: { message?: string; remedy?: string } = {},
): DomainError =>
  new DomainError(
    'service_unavailable',
    'unavailable',
    [`The ${service} service does not answer.`, message].filter(Boolean).join(' '),
    { remedy: remedy ?? 'Try again in a moment.' },
    { cause },
  );

/**
 * Calls an operation of another service on behalf of a caller.
 * @throws DomainError as the other service said it.
 */
export async function callOperation<O extends Operation>(
  invoker: Invoker,
  operation: O,
  caller: Caller,
  request: RequestOf<O>,
): Promise<ResponseOf<O>> {
  const answer = await invoker.invoke(operation.service, {
    method: operation.method,
    path: pathOf(operation, request),
    ...(request.body === undefined ? {} : { body: request.body }),
    headers: { [CALLER_HEADER]: encodeCaller(caller) },
  });
  if (answer.status < 400) return operation.response.parse(answer.body) as ResponseOf<O>;
  const problem = problemSchema.safeParse(answer.body);
  if (!problem.success)
    throw new DomainError(
      'service_unavailable',
      'unavailable',
      `The ${operation.service} service gave no answer that can be read.`,
    );
  throw errorOf(problem.data);
}
