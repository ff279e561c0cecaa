import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Response } from 'express';
import { HTTP_STATUS, type Problem } from '@dsops/contracts/problem';
import { DomainError, isDomainError, type ErrorKind } from '@dsops/kernel';
import { currentContext } from './context.js';
import { logPlace, type Logger } from './logging.js';

/** RFC 9457: what a caller is told. An error that is not ours says nothing of itself, only that it was logged. */
export function problemOf(error: unknown): Problem {
  const known = isDomainError(error) ? error : (translate(error) ?? unexpected());
  const { about, remedy, errors } = known.details as Pick<Problem, 'about' | 'remedy' | 'errors'>;
  const requestId = currentContext()?.requestId;
  return {
    type: `https://dsops.dev/problems/${known.code}`,
    title: known.code.replaceAll('_', ' '),
    status: HTTP_STATUS[known.kind],
    detail: known.message,
    code: known.code,
    kind: known.kind,
    ...(about === undefined ? {} : { about }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(errors === undefined ? {} : { errors }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

/** Its text could hold anything; who asked learns where it stands instead. */
function unexpected(): DomainError {
  const id = currentContext()?.requestId;
  return new DomainError('internal_error', 'internal', 'Something went wrong inside dsops.', {
    remedy: `Look for ${id === undefined ? 'it' : `the request id ${id}`} in the log: ${logPlace()}.`,
  });
}

/** Of a 503 that names no time itself. */
const RETRY_AFTER_S = 5;

const KIND_OF_STATUS: Record<number, ErrorKind> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  413: 'too_large',
  415: 'invalid',
  429: 'rate_limited',
  503: 'unavailable',
};

/** Errors of Express and Nest before any of our code runs: unknown paths, bodies that are too large or no JSON. */
function translate(error: unknown): DomainError | undefined {
  // Nest wraps what Express throws, and keeps it as the cause.
  const thrown = error instanceof HttpException ? (error.cause ?? error) : error;
  const type = (thrown as { type?: string } | null)?.type;
  if (type === 'entity.too.large')
    return new DomainError('body_too_large', 'too_large', 'The body is larger than 1 MB.', { remedy: 'Send less.' });
  if (type === 'entity.parse.failed')
    return new DomainError('body_not_json', 'invalid', 'The body is not valid JSON.', {
      remedy: 'Send application/json.',
    });
  const status = error instanceof HttpException ? error.getStatus() : (error as { status?: number } | null)?.status;
  if (status === 404)
    return new DomainError('path_unknown', 'not_found', 'There is nothing at this path.', {
      remedy: 'See /api/v1/openapi.json.',
    });
  const kind = status === undefined ? undefined : KIND_OF_STATUS[status];
  return (
    kind &&
    new DomainError(`http_${kind}`, kind, 'The request was refused before it was read.', {
      remedy: 'Check its path, its headers and how its body is encoded.',
    })
  );
}

@Catch()
export class ProblemFilter implements ExceptionFilter {
  /** @param word says errors that are not ours in our words, and leaves what it does not know */
  constructor(
    private readonly logger: Logger,
    private readonly word: (error: unknown) => unknown = (error) => error,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const error = this.word(thrown);
    const problem = problemOf(error);
    if (problem.status >= 500) this.logger.error({ error: thrown, code: problem.code }, 'request failed');
    if (response.headersSent) return void response.end();
    if (problem.status === HTTP_STATUS.unavailable && !response.hasHeader('retry-after'))
      response.setHeader('retry-after', RETRY_AFTER_S);
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  }
}
