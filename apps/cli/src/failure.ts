import { DomainError, isDomainError, type ErrorKind } from '@dsops/kernel';

/** The exit codes that scripts may rely on. */
export const EXIT = {
  ok: 0,
  general: 1,
  /** The command line, its environment or its key is wrong. */
  usage: 2,
  /** The target or the store did not answer, or refused. */
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

/** Codes that tell of a target or a store, whatever their kind is. */
const ABOUT_A_PROVIDER =
  /^((target|admin|store|provider|current)_|(missing_right|database_missing|no_such_role|value_refused)$)/;

export function exitCodeOf({ code, kind }: { code: string; kind: ErrorKind }): number {
  if (code.startsWith('cli_')) return CLI_CODES[code] ?? EXIT.usage;
  if (code === 'client_outdated') return EXIT.usage;
  if (ABOUT_A_PROVIDER.test(code)) return EXIT.provider;
  return EXIT_BY_KIND[kind];
}

/** Whether a failed rotation is the fault of its target or store. */
export const isProviderCode = (code: string): boolean => ABOUT_A_PROVIDER.test(code);

/** Codes of the command line itself that are no fault of its usage. */
const CLI_CODES: Readonly<Record<string, number>> = {
  cli_interrupted: EXIT.interrupted,
  cli_unknown: EXIT.resolution,
};

/** A mistake in how the command was given: exit code 2. */
export const usageError = (message: string, remedy?: string): DomainError =>
  new DomainError('cli_usage', 'invalid', message, remedy === undefined ? {} : { remedy });

/** What was named is not there: exit code 4. */
export const unknownError = (message: string, remedy: string): DomainError =>
  new DomainError('cli_unknown', 'not_found', message, { remedy });

export const interrupted = (message = 'Interrupted.'): DomainError =>
  new DomainError('cli_interrupted', 'internal', message);

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
