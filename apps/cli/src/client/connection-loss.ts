import { DomainError, isDomainError } from '@dsops/kernel';

const LOST = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

interface Failure {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

const asFailure = (error: unknown): Failure => (typeof error === 'object' && error !== null ? error : {});

/** The system's code behind a failed fetch. Node hides it in `cause`, or in the first of several when it tried many addresses. */
function codeOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at !== undefined && depth < 5; depth++) {
    const { code, cause, errors } = asFailure(at);
    if (typeof code === 'string') return code;
    at = cause ?? errors?.[0];
  }
  return undefined;
}

const isTimeout = (error: unknown): boolean => asFailure(error).name === 'TimeoutError';

/** Did the connection break, so that nobody knows whether the request was carried out? */
export const isConnectionLoss = (error: unknown): boolean => {
  const code = codeOf(error);
  if (code !== undefined && LOST.has(code)) return true;
  // fetch says "terminated" when the body breaks off.
  return asFailure(error).message === 'terminated';
};

export const isConnectionRefused = (error: unknown): boolean => codeOf(error) === 'ECONNREFUSED';

/** The error for a server that could not be talked to, in words. */
export function unreachable(url: string, error: unknown): unknown {
  if (isDomainError(error)) return error;
  const code = codeOf(error);
  const why = isTimeout(error)
    ? 'does not answer in time'
    : code === 'ECONNREFUSED'
      ? 'does not run: nobody listens at its address'
      : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
        ? 'cannot be found: its name has no address'
        : `cannot be reached (${code ?? 'the connection broke'})`;
  return new DomainError(
    'cli_unreachable',
    'unavailable',
    `dsops at ${url} ${why}.`,
    { remedy: 'Start it with "pnpm start", or name another with --url or DSOPS_URL.' },
    { cause: error },
  );
}

/** May the same request succeed a little later, when a restart is over for example? */
export const isPassing = (error: unknown): boolean =>
  isDomainError(error) && (error.kind === 'unavailable' || error.kind === 'rate_limited');
