import { All, Controller, Inject, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { API_VERSION, CLIENT_HEADER } from '@dsops/contracts/api';
import type { Operation } from '@dsops/contracts/define-operation';
import { DomainError, isDomainError } from '@dsops/kernel';
import { problemOf, type Logger } from '@dsops/platform';
import { LOGGER } from '@dsops/service';
import { OPERATIONS } from '../gateway.options.js';
import { ApiRequestService } from './api-request.service.js';
import type { ApiRequest } from './request-input.js';
import { RouteTable } from './route-table.js';

const PREFIX = `/api/v${API_VERSION}`;
const METHOD_NOT_ALLOWED = 405;
const UNAVAILABLE = 503;
const RETRY_AFTER_S = 5;

/** Every operation of the contract at its path. */
@Controller(PREFIX)
export class ApiController {
  private readonly routes: RouteTable;

  constructor(
    private readonly requests: ApiRequestService,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(OPERATIONS) operations: readonly Operation[],
  ) {
    this.routes = new RouteTable(operations);
  }

  @All('*path')
  async answer(@Req() request: Request, @Res() response: Response): Promise<void> {
    const startedMs = performance.now();
    const match = this.routes.match(request.method, request.path.slice(PREFIX.length));
    if (match.kind === 'unknown') throw unknownPath();
    if (match.kind === 'other_method') return refuseMethod(response, request.method, match.allowed);
    const { operation, params } = match;
    // Answers may hold what must not be kept by anything on the way.
    response.setHeader('cache-control', 'no-store');
    response.once('close', () =>
      this.logger.info(
        { operation: operation.id, status: response.statusCode, durationMs: Math.round(performance.now() - startedMs) },
        'request answered',
      ),
    );
    try {
      const { status, body } = await this.requests.answer(read(request, operation, params));
      if (status === UNAVAILABLE) response.setHeader('retry-after', RETRY_AFTER_S);
      send(response, status, body);
    } catch (error) {
      const retryAfterS = isDomainError(error) ? error.details.retryAfterS : undefined;
      if (typeof retryAfterS === 'number') response.setHeader('retry-after', retryAfterS);
      throw error;
    }
  }
}

const read = (request: Request, operation: ApiRequest['operation'], params: ApiRequest['params']): ApiRequest => ({
  operation,
  params,
  query: request.query,
  body: request.body as unknown,
  hasForeignBody: request.body === undefined && hasBody(request),
  authorization: request.header('authorization'),
  client: request.header(CLIENT_HEADER),
  idempotencyKey: request.header('idempotency-key'),
});

const hasBody = (request: Request): boolean =>
  request.header('transfer-encoding') !== undefined || Number(request.header('content-length') ?? 0) > 0;

/** Not through Express' `send`, which would put a hash of the answer into a header. */
function send(response: Response, status: number, body: unknown): void {
  response.status(status).type(status < 400 ? 'application/json' : 'application/problem+json');
  response.end(JSON.stringify(body));
}

const unknownPath = (): DomainError =>
  new DomainError('path_unknown', 'not_found', 'There is nothing at this path.', {
    remedy: `See ${PREFIX}/openapi.json.`,
  });

function refuseMethod(response: Response, method: string, allowed: readonly string[]): void {
  const error = new DomainError('method_not_allowed', 'not_found', `This path does not take ${method}.`, {
    remedy: `It takes ${allowed.join(' and ')}; see ${PREFIX}/openapi.json.`,
  });
  response.setHeader('allow', allowed.join(', '));
  send(response, METHOD_NOT_ALLOWED, { ...problemOf(error), status: METHOD_NOT_ALLOWED });
}
