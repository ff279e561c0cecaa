import { DomainError, isDomainError } from '@dsops/kernel';

const UNREACHABLE = new Set([
  'DatabaseNotReachable',
  'DatabaseDoesNotExist',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
]);
/** Prisma: no connection became free in time, no transaction could begin in time. */
const EXHAUSTED = new Set(['P1001', 'P1002', 'P1003', 'P1017', 'P2024', 'P2028']);
/** SQLSTATE: connection exceptions, shutdowns, start-up, too many connections; no such database. Node: nobody there. */
const AWAY = /^(08...|57P0[12345]|53300|3D000|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|ENOTFOUND)$/;
/** SQLSTATE disk_full, and the operating system's words for it. */
const FULL = /^(53100|ENOSPC|EDQUOT)$/;

interface Traces {
  code?: unknown;
  message?: unknown;
  cause?: unknown;
  meta?: { driverAdapterError?: { cause?: { kind?: unknown; originalCode?: unknown } } };
}

const codesOf = (
  error: unknown,
): { readonly codes: readonly string[]; readonly kind: unknown; readonly message: unknown } => {
  const { code, message, meta } = (error ?? {}) as Traces;
  const cause = meta?.driverAdapterError?.cause;
  const codes = [code, cause?.originalCode].filter((one) => typeof one === 'string');
  return { codes, kind: cause?.kind, message };
};

/** Did it fail because the database is not there, whatever was asked of it? */
export function isDatabaseOutage(error: unknown): boolean {
  const { codes, kind, message } = codesOf(error);
  return (
    codes.some((code) => EXHAUSTED.has(code) || AWAY.test(code)) ||
    (typeof kind === 'string' && UNREACHABLE.has(kind)) ||
    (typeof message === 'string' && message.includes('Connection terminated'))
  );
}

/** Did it fail because the disk of the database is full? */
export const isDatabaseFull = (error: unknown): boolean => codesOf(error).codes.some((code) => FULL.test(code));

/** Long enough that nobody waits in vain, short enough that nobody waits long. */
const RETRY_AFTER_S = 5;

/** The error for a caller: what the database of dsops suffers from in words, anything else as it is. */
export function wordOutage(error: unknown): unknown {
  if (isDomainError(error)) return error;
  if (isDatabaseFull(error))
    return new DomainError(
      'database_full',
      'unavailable',
      'The disk of the database of dsops is full: nothing can be written down, so nothing is done.',
      {
        about: 'database',
        remedy: 'Make room on that disk, then send the same request again. No credential was harmed by it.',
        retryAfterS: RETRY_AFTER_S,
      },
      { cause: error },
    );
  if (!isDatabaseOutage(error)) return error;
  return new DomainError(
    'database_unavailable',
    'unavailable',
    'The database of dsops does not answer, or is not there.',
    {
      about: 'database',
      remedy:
        'Send the same request again in a moment, with the same Idempotency-Key where it had one; look at "dsops doctor" and the log when it lasts.',
      retryAfterS: RETRY_AFTER_S,
    },
    { cause: error },
  );
}
