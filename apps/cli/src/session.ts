import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { ApiClient } from '@dsops/api-client';
import type { Io } from './io.js';
import type { Terminal } from './output/terminal.js';

export interface GlobalOptions {
  readonly url?: string;
  readonly config?: string;
  readonly color: boolean;
  readonly debug: boolean;
  readonly nonInteractive: boolean;
}

/** One run of one command. */
export interface Session {
  readonly io: Io;
  readonly options: GlobalOptions;
  /** Results. */
  readonly out: Terminal;
  /** Progress, notes, questions and errors: nothing that a machine reads. */
  readonly err: Terminal;
  /** May questions be asked? */
  readonly isInteractive: boolean;
  /** The way to the server. Found on first use, because some commands need none. */
  readonly client: () => Promise<ApiClient>;
}

/** What a command ends with; nothing means that all went well. */
export type ExitCode = number | void;

/** Runs a command's work in a session of its own and keeps its exit code. */
export type Act = (command: CommandUnknownOpts, work: (session: Session) => Promise<ExitCode>) => Promise<void>;
