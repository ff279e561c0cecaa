import { existsSync, readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DomainError } from '@dsops/kernel';
import { lastLinesOf } from '../servers/server-log.js';
import { stackHome } from './stack-home.js';

const LOOK_MS = 200;

export interface LogsOptions {
  readonly folder: string;
  /** Undefined: all of them. */
  readonly part: string | undefined;
  readonly lines: number;
  readonly follows: boolean;
  readonly write: (text: string) => void;
  /** Ends following. */
  readonly signal?: AbortSignal;
}

/**
 * Writes the end of the logs of a stack, running or not, each line with its part's name when there are several.
 * @throws DomainError `no_logs`, `no_such_part`
 */
export async function showLogs({ folder, part, lines, follows, write, signal }: LogsOptions): Promise<void> {
  const { logs } = stackHome(folder);
  const names = logNames(logs);
  if (names.length === 0)
    throw new DomainError('no_logs', 'not_found', `There are no logs below ${folder}.`, {
      remedy: 'Start a stack with: pnpm stack up',
    });
  if (part !== undefined && !names.includes(part))
    throw new DomainError('no_such_part', 'not_found', `There is no log of "${part}".`, {
      remedy: `There are: ${names.join(', ')}.`,
    });
  const chosen = part === undefined ? names : [part];
  const prefix = (name: string) =>
    chosen.length === 1 ? '' : `${name.padEnd(Math.max(...names.map(({ length }) => length)))} │ `;
  const tails = chosen.map((name) => new Tail(join(logs, `${name}.log`), prefix(name)));
  for (const tail of tails) for (const line of lastLinesOf(tail.file, lines)) write(`${tail.prefix}${line}\n`);
  while (follows && signal?.aborted !== true) {
    for (const tail of tails) for (const line of await tail.next()) write(`${tail.prefix}${line}\n`);
    await pause(LOOK_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

const logNames = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.log'))
        .map((name) => name.slice(0, -'.log'.length))
        .sort()
    : [];

/** What a file gets from now on. One that is replaced, or emptied, is read from its beginning. */
export class Tail {
  private position: number;
  private rest = '';

  constructor(
    readonly file: string,
    readonly prefix = '',
    from?: number,
  ) {
    this.position = from ?? (existsSync(file) ? statSync(file).size : 0);
  }

  /** Whole lines that came since the last time. */
  async next(): Promise<string[]> {
    if (!existsSync(this.file)) return [];
    const { size } = statSync(this.file);
    if (size < this.position) this.position = 0;
    if (size === this.position) return [];
    const file = await open(this.file, 'r');
    try {
      const buffer = Buffer.alloc(size - this.position);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.position);
      this.position += bytesRead;
      const lines = (this.rest + buffer.toString('utf8', 0, bytesRead)).split(/\r?\n/);
      this.rest = lines.pop() ?? '';
      return lines;
    } finally {
      await file.close();
    }
  }
}
