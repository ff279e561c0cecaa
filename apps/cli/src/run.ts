import { CommanderError } from 'commander';
import { ApiClient, apiKey, wordFault } from '@dsops/api-client';
import { findConnection, readApiKey } from './connection.js';
import { asDomainError, EXIT, exitCodeOf, usageError } from './failure.js';
import type { Io } from './io.js';
import { openTerminal, type Terminal } from './output/terminal.js';
import { buildProgram } from './program.js';
import { refuseSecretArguments } from './secret-arguments.js';
import type { GlobalOptions, Session } from './session.js';
import { CLI_VERSION } from './version.js';

/** Runs one command line and gives its exit code. It never throws and never ends the process. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const wantsColor = !argv.includes('--no-color');
  const isDebug = argv.includes('--debug') || /^(1|true|yes)$/i.test(io.env.DSOPS_DEBUG ?? '');
  const err = openTerminal(io.stderr, io, wantsColor);
  try {
    refuseSecretArguments(argv);
    if (asksForVersion(argv)) {
      openTerminal(io.stdout, io, wantsColor).line(CLI_VERSION);
      return EXIT.ok;
    }
    const program = buildProgram(io, (options) => openSession(io, { ...options, debug: isDebug }));
    await program.command.parseAsync([...argv], { from: 'user' });
    return program.exitCode();
  } catch (error) {
    return report(error, err, isDebug);
  }
}

/** `--version` before any command. Behind one it belongs to the command: `rollback --version NAME`. */
function asksForVersion(argv: readonly string[]): boolean {
  const firstWord = argv.findIndex((word) => !word.startsWith('-'));
  return (firstWord === -1 ? argv : argv.slice(0, firstWord)).includes('--version');
}

function openSession(io: Io, options: GlobalOptions): Session {
  const err = openTerminal(io.stderr, io, options.color);
  let client: Promise<ApiClient> | undefined;
  const connect = async (): Promise<ApiClient> => {
    const connection = await findConnection(io, options.url);
    const key = await readApiKey(connection);
    const trace = options.debug ? { trace: (line: string) => err.line(err.paint.dim(`debug: ${line}`)) } : {};
    return new ApiClient({
      url: connection.url,
      credentials: apiKey(key),
      name: `cli/${CLI_VERSION}`,
      remedyWhenUnreachable: 'Start it with "pnpm start", or name another with --url or DSOPS_URL.',
      ...trace,
    });
  };
  return {
    io,
    options,
    out: openTerminal(io.stdout, io, options.color),
    err,
    isInteractive: io.stdin.isTTY === true && err.isTerminal && !options.nonInteractive,
    client: () => (client ??= connect()),
  };
}

function report(thrown: unknown, err: Terminal, isDebug: boolean): number {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok;
  // Half a command, such as `dsops rotation`: its help was shown, and that says it all.
  if (thrown instanceof CommanderError && thrown.code === 'commander.help') return EXIT.usage;
  const error = thrown instanceof CommanderError ? wordCommanderError(thrown) : asDomainError(thrown);
  const { paint } = err;
  if (error.message) {
    // Ctrl-C is no mistake.
    const label = error.code === 'cli_interrupted' ? '' : `${paint.red(paint.bold('Error:'))} `;
    err.line(label + error.message);
    const { errors, remedy, requestId } = error.details;
    // The first fault stands in the message of most problems; more than one are listed.
    if (Array.isArray(errors) && errors.length > 1)
      for (const fault of errors as { path: string; message: string }[]) err.line(`  • ${wordFault(fault)}`);
    if (remedy) err.line(`${paint.dim('→')} ${remedy}`);
    if (isDebug && typeof requestId === 'string') err.line(paint.dim(`debug: request ${requestId}`));
  }
  if (isDebug) err.line(paint.dim(`debug: ${error.code}\n${stackOf(error.cause) ?? stackOf(error) ?? ''}`));
  return exitCodeOf(error);
}

const stackOf = (error: unknown): string | undefined => (error instanceof Error ? error.stack : undefined);

/** Commander quotes what was typed, and what was typed by mistake may be a secret: only names of options are repeated. */
function wordCommanderError({ code, message }: CommanderError) {
  const help = 'Run it with --help to see what it takes.';
  const quoted = /'([^']*)'/.exec(message)?.[1] ?? '';
  const option = /^(--[A-Za-z][A-Za-z-]*|-[A-Za-z](?=$|[, ]))/.exec(quoted)?.[0];
  const suggestion = /Did you mean (?:one of )?([^?]+)\?/.exec(message)?.[1];
  const meant = suggestion ? `Did you mean ${suggestion}? ` : '';
  switch (code) {
    case 'commander.unknownOption':
      return usageError(`There is no option ${option ?? 'of this name'} here.`, meant + help);
    case 'commander.unknownCommand':
      return usageError('There is no such command.', meant + 'Run "dsops --help" to see them all.');
    case 'commander.missingArgument':
      return usageError(`The argument <${quoted}> is missing.`, help);
    case 'commander.optionMissingArgument':
      return usageError(`The option ${option ?? ''} needs a value.`, help);
    case 'commander.missingMandatoryOptionValue':
      return usageError(`The option ${option ?? ''} is required.`, help);
    case 'commander.excessArguments':
      return usageError('There are more words than this command takes.', help);
    case 'commander.invalidArgument': {
      const choices = /Allowed choices are ([^.]+)\./.exec(message)?.[1];
      const hint = choices ? `It takes one of: ${choices}.` : help;
      return usageError(`The value of ${option ?? `<${quoted}>`} is not valid.`, hint);
    }
    case 'commander.conflictingOption': {
      const names = [...message.matchAll(/'(--[A-Za-z-]+)/g)].map((match) => match[1]);
      return usageError(`${names.join(' and ')} cannot be used together.`, 'Choose one of them.');
    }
    default:
      return usageError('This command line is not complete.', help);
  }
}
