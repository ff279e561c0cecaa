/**
 * What went wrong, seen from the caller. The kind alone decides the HTTP status and whether a delivery is tried
 * again, and the CLI's exit code unless the error is about something outside; the code says precisely what happened and never changes meaning.
 */
export const ERROR_KINDS = [
  'invalid', // the request itself is wrong; sending it again changes nothing
  'unauthenticated',
  'forbidden',
  'not_found',
  'conflict', // the state of the resource refuses it; look, then decide
  'too_large',
  'rate_limited',
  'refused', // a rule that protects a credential refused it
  'unavailable', // a dependency did not answer; the same request may succeed later
  'internal',
] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

/** What stands outside the services of dsops and can be at fault, or refuse. */
export const ERROR_SUBJECTS = [
  'target', // the server on which a credential is valid, or what its administrator may do there
  'store', // where consumers find the value in use
  'client', // the program that asks
  'database', // the PostgreSQL that dsops itself keeps everything in
] as const;
export type ErrorSubject = (typeof ERROR_SUBJECTS)[number];

export interface ErrorDetails {
  /** Set when it is about something outside dsops; the CLI gives such errors an exit code of their own. */
  readonly about?: ErrorSubject;
  /** Where in the input, as a JSON path such as `target.port`. */
  readonly path?: string;
  /** What to do next, one sentence. */
  readonly remedy?: string;
  readonly [fact: string]: unknown;
}

/**
 * The one error of the domain. `message` is a sentence that says what happened; `details.remedy` says what to do.
 * Neither ever holds a secret: messages of drivers are translated, not passed on.
 */
export class DomainError extends Error {
  override readonly name = 'DomainError';

  constructor(
    readonly code: string,
    readonly kind: ErrorKind,
    message: string,
    readonly details: ErrorDetails = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export const isDomainError = (error: unknown): error is DomainError =>
  error instanceof Error && error.name === 'DomainError' && 'kind' in error;
