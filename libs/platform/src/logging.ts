import type { LoggerService } from '@nestjs/common';
import pino, { type DestinationStream, type Logger } from 'pino';
import { isDomainError } from '@dsops/kernel';
import { currentContext, traceIdOf } from './context.js';

export type { Logger } from 'pino';

/**
 * JSON lines with `timestamp level service message` and, inside a request or a delivery, `requestId traceId userId
 * eventId`. Messages are constant; facts are fields. Whatever could hold a secret is masked before it is written.
 */
export function createLogger(options: { service: string; level?: string; destination?: DestinationStream }): Logger {
  return pino(
    {
      level: options.level ?? 'info',
      base: { service: options.service },
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[secret]' },
      serializers: { error: describeError, err: describeError },
      mixin: () => {
        const context = currentContext();
        if (context === undefined) return {};
        const { traceparent, actorId, ...rest } = context;
        return { ...rest, traceId: traceIdOf(traceparent), ...(actorId === undefined ? {} : { userId: actorId }) };
      },
    },
    options.destination ?? pino.destination(2),
  );
}

let place = 'what its services write to standard error, and where that is kept';

/** Where the log of this process is, as a person is told who looks for something in it. */
export const logPlace = (): string => place;

/** Said once, by the program that has chosen it. */
export function logIsAt(path: string): void {
  place = path;
}

const SECRET_FIELDS = ['password', 'secret', 'key', 'token', 'authorization', 'connectionString', 'value'];

/** An error in a log: what kind it is and where it came from. Text of foreign errors stays out: it may quote a value. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const code = (error as { code?: unknown }).code;
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    ...(isDomainError(error) ? { message: error.message, remedy: error.details.remedy } : {}),
    stack: error.stack
      ?.split('\n')
      .filter((line) => line.trimStart().startsWith('at '))
      .slice(0, 8),
  };
}

/** Nest's own messages through the same logger, a level lower: they tell about wiring. */
export function nestLogger(logger: Logger): LoggerService {
  const context = (params: unknown[]) => ({ context: params.findLast((param) => typeof param === 'string') });
  return {
    log: (message: unknown, ...params) => logger.debug(context(params), String(message)),
    debug: (message: unknown, ...params) => logger.trace(context(params), String(message)),
    verbose: (message: unknown, ...params) => logger.trace(context(params), String(message)),
    warn: (message: unknown, ...params) => logger.warn(context(params), String(message)),
    error: (message: unknown, ...params) =>
      message instanceof Error
        ? logger.error({ error: message }, 'nest error')
        : logger.error(context(params), 'nest error'),
    fatal: (message: unknown, ...params) => logger.fatal(context(params), String(message)),
  };
}
