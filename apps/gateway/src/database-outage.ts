import { DomainError, isDomainError } from '@dsops/kernel';

const UNREACHABLE = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections']);
/** Prisma: no connection became free in time, no transaction could begin in time. */
const EXHAUSTED = new Set(['P1001', 'P1002', 'P1017', 'P2024', 'P2028']);
/** SQLSTATE: connection exceptions, shutdowns, start-up, too many connections. */
const AWAY = /^(08|57P0[123]|53300)/;

interface Traces {
  code?: unknown;
  message?: unknown;
  meta?: { driverAdapterError?: { cause?: { kind?: unknown; originalCode?: unknown } } };
}

/** Did it fail because the database is not there, whatever was asked of it? */
export function isDatabaseOutage(error: unknown): boolean {
  const { code, message, meta } = (error ?? {}) as Traces;
  const cause = meta?.driverAdapterError?.cause;
  return (
    (typeof code === 'string' && (EXHAUSTED.has(code) || AWAY.test(code))) ||
    (typeof cause?.kind === 'string' && UNREACHABLE.has(cause.kind)) ||
    (typeof cause?.originalCode === 'string' && AWAY.test(cause.originalCode)) ||
    (typeof message === 'string' && message.includes('Connection terminated'))
  );
}

/** The error for a caller: an outage in words, anything else as it is. */
export function wordOutage(error: unknown): unknown {
  if (isDomainError(error) || !isDatabaseOutage(error)) return error;
  return new DomainError(
    'database_unavailable',
    'unavailable',
    'The database of dsops does not answer. Nothing was changed.',
    { remedy: 'Try again in a moment; look at /api/health and the log when it lasts.' },
    { cause: error },
  );
}
