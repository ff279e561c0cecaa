import { DomainError, isDomainError, type ErrorKind, type ErrorSubject } from '@dsops/kernel';

/** The exit codes that scripts may rely on. */
export const EXIT = {
  ok: 0,
  general: 1,
  /** The command line, its environment or its key is wrong. */
  usage: 2,
  /** The target, the store or the database of dsops did not answer, or refused. */
  provider: 3,
  /** What was named does not exist. */
  resolution: 4,
  rotation: 5,
  validation: 6,
  /** Ctrl-C, by the shells' convention (128 + SIGINT). */
  interrupted: 130,
} as const;

const EXIT_BY_KIND: Record<ErrorKind, number> = {
  invalid: EXIT.validation,
  too_large: EXIT.validation,
  unauthenticated: EXIT.usage,
  forbidden: EXIT.general,
  not_found: EXIT.resolution,
  conflict: EXIT.rotation,
  refused: EXIT.rotation,
  rate_limited: EXIT.general,
  unavailable: EXIT.general,
  internal: EXIT.general,
};

/** What an error is about, when that stands outside dsops, says more than its kind. */
export const EXIT_BY_SUBJECT: Record<ErrorSubject, number> = {
  target: EXIT.provider,
  store: EXIT.provider,
  client: EXIT.usage,
  database: EXIT.provider,
};

export function exitCodeOf(error: DomainError): number {
  if (error instanceof CommandError) return error.exitCode;
  const { about } = error.details;
  return about === undefined ? EXIT_BY_KIND[error.kind] : EXIT_BY_SUBJECT[about];
}

/** An error of the command line itself, which knows how it ends. */
class CommandError extends DomainError {
  constructor(
    code: string,
    kind: ErrorKind,
    readonly exitCode: number,
    message: string,
    { remedy, cause }: { readonly remedy?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(code, kind, message, remedy === undefined ? {} : { remedy }, { cause });
  }
}

/** A mistake in how the command was given: exit code 2. */
export const usageError = (message: string, remedy?: string, cause?: unknown): DomainError =>
  new CommandError('cli_usage', 'invalid', EXIT.usage, message, { remedy, cause });

/** What was named is not there: exit code 4. */
export const unknownError = (message: string, remedy: string): DomainError =>
  new CommandError('cli_unknown', 'not_found', EXIT.resolution, message, { remedy });

export const interrupted = (message = 'Interrupted.'): DomainError =>
  new CommandError('cli_interrupted', 'internal', EXIT.interrupted, message);

/** Any thrown thing as an error of the domain. An unexpected one keeps its text to itself: it could hold anything. */
export function asDomainError(error: unknown): DomainError {
  if (isDomainError(error)) return error;
  return new DomainError(
    'unexpected',
    'internal',
    'Something went wrong inside this command.',
    { remedy: 'Run it again with --debug and report what it shows.' },
    { cause: error },
  );
}
