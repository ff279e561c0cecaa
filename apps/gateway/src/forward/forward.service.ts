import { Inject, Injectable } from '@nestjs/common';
import type { ServiceName } from '@dsops/contracts/service-names';
import type { Operation } from '@dsops/contracts/define-operation';
import { problemSchema, type Problem } from '@dsops/contracts/problem';
import { pathOf } from '@dsops/contracts/request-path';
import { DomainError } from '@dsops/kernel';
import {
  CALLER_HEADER,
  encodeCaller,
  faultsOf,
  INVOKER,
  type Answer,
  type Caller,
  type Invocation,
  type Invoker,
  type Logger,
} from '@dsops/platform';
import { LOGGER } from '@dsops/service';
import { TUNING, type GatewayTuning } from '../gateway.options.js';

/** What a client is answered. A problem when the status says so; then as the service worded it. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Hands requests on to the service that owns the operation. */
@Injectable()
export class ForwardService {
  constructor(
    @Inject(INVOKER) private readonly invoker: Invoker,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(TUNING) private readonly tuning: GatewayTuning,
  ) {}

  /**
   * The values go on as they came in, checked but not rewritten: defaults are the owner's to fill in, so that a gateway
   * and a service of two releases agree.
   * @throws DomainError `service_unavailable`, `service_timeout`, `service_answer_unreadable`
   */
  async forward(
    operation: Operation,
    caller: Caller,
    request: { params: unknown; query: unknown; body: unknown; idempotencyKey: string | undefined },
  ): Promise<ApiAnswer> {
    const answer = await this.ask(operation.service, {
      method: operation.method,
      path: pathOf(operation, request),
      ...(operation.body === undefined ? {} : { body: request.body ?? {} }),
      headers: {
        [CALLER_HEADER]: encodeCaller(caller),
        ...(request.idempotencyKey === undefined ? {} : { 'idempotency-key': request.idempotencyKey }),
      },
    });
    if (answer.status < 400) this.compare(operation, answer.body);
    return answer;
  }

  /** Asks a service; answers what it said, be it a problem, as long as it can be read as one. */
  async ask(service: ServiceName, invocation: Invocation): Promise<ApiAnswer> {
    const answer = await this.invoke(service, { timeoutMs: this.tuning.forwardTimeoutMs, ...invocation });
    if (answer.status < 400) return answer;
    const problem = problemSchema.safeParse(answer.body);
    if (!problem.success || isAboutUs(problem.data)) {
      this.logger.error({ to: service, status: answer.status }, 'service gave no answer for the caller');
      throw new DomainError(
        'service_answer_unreadable',
        'unavailable',
        `The ${service} service gave no answer that can be read.`,
        {
          remedy: 'Look for the request id in the log.',
        },
      );
    }
    return { status: answer.status, body: answer.body };
  }

  private async invoke(service: ServiceName, invocation: Invocation): Promise<Answer> {
    try {
      return await this.invoker.invoke(service, invocation);
    } catch (error) {
      if (!isTimeout(error)) throw error;
      const isSafe = invocation.method === 'GET';
      throw new DomainError(
        'service_timeout',
        'unavailable',
        `The ${service} service did not answer in time${isSafe ? '' : '; whether it did what was asked is not known'}.`,
        {
          remedy: isSafe
            ? 'Try again in a moment.'
            : 'Look at the state, or send the same request with the same Idempotency-Key.',
        },
        { cause: error },
      );
    }
  }

  /** A service of another release may answer more than we know, or a fault of ours less: the client gets it, we say so. */
  private compare(operation: Operation, body: unknown): void {
    const read = operation.response.safeParse(body);
    if (read.success) return;
    const faults = faultsOf(read.error).slice(0, 10);
    this.logger.error({ operation: operation.id, faults }, 'answer does not keep its contract');
  }
}

/** The caller has shown who it is; a service that does not know who asks has a quarrel with the gateway. */
const isAboutUs = (problem: Problem): boolean => problem.kind === 'unauthenticated';

const isTimeout = (error: unknown): boolean => {
  const { cause } = (error ?? {}) as { cause?: { name?: unknown } };
  return cause?.name === 'TimeoutError';
};
