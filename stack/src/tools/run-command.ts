import { spawn } from 'node:child_process';
import { DomainError } from '@dsops/kernel';
import { wholeEnvironment } from '../config.js';

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Each line of standard error, where compilers tell what they do. */
  readonly onLine?: (line: string) => void;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

export interface CommandResult {
  /** Null when it was ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  /** The end of what it printed, some thousand characters: on standard error, or else on standard output. */
  readonly tail: string;
}

const TAIL_CHARACTERS = 4_000;

/** Runs a program of the machine without a shell. Resolves to undefined when there is no such program. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult | undefined> {
  // Windows starts batch files, which Maven's command is, through its shell only.
  const isBatchFile = process.platform === 'win32' && command.endsWith('.cmd');
  const child = spawn(command, [...args], {
    cwd: options.cwd,
    env: { ...wholeEnvironment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: isBatchFile,
    windowsHide: true,
    killSignal: 'SIGINT',
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  let stdout = '';
  let stderrTail = '';
  let line = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderrTail = (stderrTail + chunk).slice(-TAIL_CHARACTERS);
    const lines = (line + chunk).split(/\r?\n/);
    line = lines.pop() ?? '';
    for (const whole of lines) options.onLine?.(whole);
  });
  return new Promise((done, failed) => {
    child.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? done(undefined) : failed(error)));
    child.once('close', (code) =>
      done({ code, stdout, tail: stderrTail.trim() === '' ? stdout.slice(-TAIL_CHARACTERS) : stderrTail }),
    );
  });
}

/**
 * Like {@link runCommand}, for steps that must succeed.
 * @throws DomainError `tool_step_failed` with the last lines, or `disk_full`
 */
export async function mustRun(
  what: string,
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await runCommand(command, args, options);
  if (result?.code === 0) return result;
  const tail = result?.tail ?? '';
  if (/no space left on device|ENOSPC|not enough space/i.test(tail))
    throw new DomainError('disk_full', 'unavailable', `The disk is full: ${what} did not get through.`, {
      remedy: 'Make room (about 3 GB for the build, most of it free again afterwards) and start again.',
    });
  const refused = /(\S+@v\S+): reading (\S+): (403|404|410)[^\n]*/.exec(tail);
  if (refused !== null)
    throw new DomainError(
      'tool_module_refused',
      'unavailable',
      `${what} did not work: the proxy of Go modules does not deliver ${refused[1]} (HTTP ${refused[3]}).`,
      { remedy: 'Try again later, or ask whoever runs the proxy (go env GOPROXY) to let this module through.' },
    );
  const lastLines = tail.trim().split(/\r?\n/).slice(-12);
  throw new DomainError('tool_step_failed', 'unavailable', `${what} did not work: ${reasonOf(lastLines)}`, {
    remedy: `The same by hand: ${command} ${args.join(' ')}${options.cwd === undefined ? '' : ` (in ${options.cwd})`}`,
    lastLines,
  });
}

const reasonOf = (lines: readonly string[]): string =>
  lines.find((line) => /error|fail|cannot|refused|timeout|no such host/i.test(line))?.trim() ??
  lines.at(-1)?.trim() ??
  'it ended without a word';
