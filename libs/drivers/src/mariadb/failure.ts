import { noAnswerOf, type NoAnswer } from '../kit/no-answer.js';

/**
 * What went wrong on a connection, without any text that the server sent: such a text may hold a statement. `errno` is the
 * server's number of an error, which does not change with its language.
 */
export type ConnectionFailure = { readonly kind: 'answer'; readonly errno: number } | NoAnswer;

/** From here on the numbers are the client library's own: of its connection, not of the server. */
const FIRST_CLIENT_ERROR = 45_000;
/** The library's numbers for a connection or a query that took too long. */
const TIMED_OUT = new Set(['ER_CONNECTION_TIMEOUT', 'ER_SOCKET_TIMEOUT', 'ER_PING_TIMEOUT']);
/** What the server says when it ends the session: it may have done before what was asked. */
export const ENDS_SESSION: ReadonlySet<number> = new Set([1053, 1077, 1079, 1080, 1152, 1184, 1927]);

export function failureOf(error: unknown): ConnectionFailure {
  const { errno, code = '' } = error as { errno?: unknown; code?: string | null };
  if (TIMED_OUT.has(code ?? '')) return { kind: 'silent' };
  if (typeof errno === 'number' && errno >= 1000 && errno < FIRST_CLIENT_ERROR) return { kind: 'answer', errno };
  const { cause } = error as { cause?: unknown };
  return noAnswerOf(cause ?? error);
}
