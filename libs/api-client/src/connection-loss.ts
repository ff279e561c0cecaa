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

/**
 * The system's code behind a failed fetch. Node hides it in `cause`, or in the first of several when it tried many
 * addresses; a browser tells none.
 */
export function codeOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at !== undefined && depth < 5; depth++) {
    const { code, cause, errors } = asFailure(at);
    if (typeof code === 'string') return code;
    at = cause ?? errors?.[0];
  }
  return undefined;
}

export const isTimeout = (error: unknown): boolean => asFailure(error).name === 'TimeoutError';

/** Did the connection break, so that nobody knows whether the request was carried out? */
export const isConnectionLoss = (error: unknown): boolean => {
  const code = codeOf(error);
  if (code !== undefined) return LOST.has(code);
  // Without a code: in Node a body that broke off, in a browser every connection that failed.
  return error instanceof TypeError;
};

export const isConnectionRefused = (error: unknown): boolean => codeOf(error) === 'ECONNREFUSED';
