import { Injectable } from '@nestjs/common';
import { OLDEST_CLIENT } from '@dsops/contracts/api';
import { isKeyed } from '@dsops/contracts/define-operation';
import { problemSchema } from '@dsops/contracts/problem';
import { wordOutage } from '@dsops/database';
import { DomainError, newId } from '@dsops/kernel';
import { readIdempotencyKey } from '@dsops/messaging';
import {
  currentContext,
  includesRole,
  inContext,
  inSpan,
  newTraceparent,
  problemOf,
  type Caller,
} from '@dsops/platform';
import { AuthenticationService } from '../access/authentication.service.js';
import { AccessRecordService, type RequestOutcome } from './access-record.service.js';
import { assertRecentClient } from './client-version.js';
import { CreationLimitService, isCreation } from './creation-limit.service.js';
import { ForwardService, type ApiAnswer } from '../forward/forward.service.js';
import { OwnOperations } from './own-operations.service.js';
import { recordedPath } from './recorded-path.js';
import { checkInput, type ApiRequest } from './request-input.js';

/**
 * Answers one request of the API:
 *
 *   who calls → too many? → written down, if it may change something → may they? → is it right? → carry out → outcome
 *
 * Everything that can be refused is refused before a service hears of it.
 */
@Injectable()
export class ApiRequestService {
  constructor(
    private readonly authentication: AuthenticationService,
    private readonly limit: CreationLimitService,
    private readonly record: AccessRecordService,
    private readonly own: OwnOperations,
    private readonly forwarding: ForwardService,
  ) {}

  /** @throws DomainError of any kind: what the caller is told instead. */
  async answer(request: ApiRequest): Promise<ApiAnswer & { readonly caller: Caller }> {
    const caller = await this.authentication.authenticate(request.authorization);
    const context = currentContext();
    const requestId = context?.requestId ?? newId();
    const traceparent = context?.traceparent ?? newTraceparent();
    const { operation } = request;
    return inContext({ requestId, traceparent, actorId: caller.actor.id }, () =>
      inSpan({ name: operation.id }, async () => {
        const answer =
          operation.method === 'GET'
            ? await this.carryOut(request, caller)
            : await this.carryOutRecorded(request, caller, requestId);
        return { ...answer, caller };
      }),
    );
  }

  private async carryOutRecorded(request: ApiRequest, caller: Caller, requestId: string): Promise<ApiAnswer> {
    const { operation, params } = request;
    const excess = isCreation(operation) ? await this.limit.count(caller.actor.id) : undefined;
    // One refusal a minute is news; recording each would let a key that may do nothing fill the log.
    if (excess?.isFirst === false) throw excess.refusal;
    const open = await this.record.open({
      id: requestId,
      principal: caller.actor,
      operation: operation.id,
      method: operation.method,
      path: recordedPath(operation, params),
    });
    try {
      if (excess !== undefined) throw excess.refusal;
      const answer = await this.carryOut(request, caller);
      this.record.close(open, outcomeOf(answer));
      return answer;
    } catch (error) {
      const { status, code } = problemOf(error);
      this.record.close(open, { status, code });
      throw error;
    }
  }

  private async carryOut(request: ApiRequest, caller: Caller): Promise<ApiAnswer> {
    const { operation } = request;
    if (!includesRole(caller.role, operation.role))
      throw new DomainError(
        'role_missing',
        'forbidden',
        `This needs the role ${operation.role}; this API key has the role ${caller.role}.`,
        {
          remedy: `Use a key with the role ${operation.role}; an admin makes one with "dsops keys create".`,
        },
      );
    assertRecentClient(request.client, OLDEST_CLIENT);
    const input = checkInput(request);
    const idempotencyKey = request.idempotencyKey === undefined ? newId() : readIdempotencyKey(request.idempotencyKey);
    if (operation.service !== 'gateway')
      return this.forwarding.forward(operation, caller, {
        params: request.params,
        query: request.query,
        body: request.body,
        idempotencyKey: isKeyed(operation.method) ? idempotencyKey : undefined,
      });
    try {
      return await this.own.carryOut(operation, { caller, input, idempotencyKey });
    } catch (error) {
      throw wordOutage(error);
    }
  }
}

function outcomeOf({ status, body }: ApiAnswer): RequestOutcome {
  const problem = status < 400 ? undefined : problemSchema.safeParse(body).data;
  return { status, ...(problem === undefined ? {} : { code: problem.code }) };
}
