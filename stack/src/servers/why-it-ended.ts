import { DomainError, formatDuration } from '@dsops/kernel';

/** How a process ended. One of code and signal is set, or none when it was not ours to see. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of its log, oldest first. */
  readonly lastLines: readonly string[];
  /** What its log tells about why, when it is one of the usual causes. */
  readonly cause: Cause | null;
}

/** A usual reason why servers end. */
export interface Cause {
  readonly code: string;
  /** Completes a sentence: "Kafka ended: the disk is full". */
  readonly says: string;
  readonly remedy: string;
}

export interface Ended {
  /** The server's name for people, such as `Kafka`. */
  readonly name: string;
  readonly logFile: string;
  readonly exit: ServerExit;
}

const CAUSES: readonly (Cause & { readonly pattern: RegExp })[] = [
  {
    code: 'disk_full',
    pattern: /No space left on device|ENOSPC|not enough space on the disk/i,
    says: 'the disk is full',
    remedy: 'Make room on the disk that its data lies on, and start again. Nothing of the data was removed.',
  },
  {
    code: 'port_taken',
    pattern: /Address already in use|EADDRINUSE|bind: Only one usage of each socket address/i,
    says: 'another program listens on its port',
    remedy: 'Stop that program, or start with another port.',
  },
  {
    code: 'java_too_old',
    pattern: /UnsupportedClassVersionError/,
    says: 'this Java is too old',
    remedy: 'Install Java 17 or newer, or let JAVA_HOME name one.',
  },
  {
    code: 'kafka_login_refused',
    pattern: /SASL Authentication failed|Authentication failed during authentication/i,
    says: 'Kafka refused its login',
    remedy:
      "Look at the user of the component pubsub and at its password, the secret kafka-password of the sidecar's store.",
  },
  {
    code: 'kafka_unreachable',
    pattern: /client has run out of (available )?brokers/i,
    says: 'Kafka does not answer',
    remedy:
      'See whether it runs, and whether the component pubsub names it; then start the sidecar again. Nothing that was said is lost: it waits in the outbox.',
  },
  {
    code: 'data_folder_locked',
    pattern: /Failed to acquire lock on file \.lock/,
    says: 'another Kafka uses its data folder',
    remedy: 'Stop the other one, or choose another folder.',
  },
  {
    code: 'memory_short',
    pattern: /OutOfMemoryError|Cannot allocate memory|insufficient memory/i,
    says: 'the machine has too little memory for it',
    remedy: 'Close other programs; the whole stack takes about 3 GB.',
  },
  {
    code: 'folder_forbidden',
    pattern: /Permission denied|AccessDeniedException|EACCES/,
    says: 'it may not use one of its files',
    remedy: 'See the log for the file, and make it readable and writable for you.',
  },
];

/** `exit code 1`, `signal SIGKILL`; null when nobody could see how. */
export const howItEnded = ({ code, signal }: ServerExit): string | null =>
  signal !== null ? `signal ${signal}` : code !== null ? `exit code ${code}` : null;

/** The usual cause that the end of a log tells of. */
export function causeIn(lines: readonly string[]): Cause | null {
  const text = lines.join('\n');
  const found = CAUSES.find(({ pattern }) => pattern.test(text));
  return found === undefined ? null : { code: found.code, says: found.says, remedy: found.remedy };
}

/** The error for a server that ended while it was starting. */
export function startFailure({ name, logFile, exit }: Ended): DomainError {
  const { cause } = exit;
  return new DomainError(
    cause?.code ?? 'server_start_failed',
    'unavailable',
    `${name} ended while it was starting (${howItEnded(exit) ?? 'nobody saw how'})${cause === null ? '' : `: ${cause.says}`}.`,
    { remedy: cause?.remedy ?? `Its log says more: ${logFile}`, logFile, lastLines: exit.lastLines },
  );
}

/** The error for a server that runs and does not become ready. */
export const notReady = (name: string, logFile: string, afterMs: number, lastLines: readonly string[]): DomainError =>
  new DomainError('server_not_ready', 'unavailable', `${name} was not ready after ${formatDuration(afterMs)}.`, {
    remedy: `Its log says more: ${logFile}`,
    logFile,
    lastLines,
  });
