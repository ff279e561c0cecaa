import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** One former log is kept, so that a server that is started again and again does not fill the disk. */
const ROTATE_BYTES = 20 * 1024 * 1024;
const TAIL_BYTES = 256 * 1024;

/** The file that a server writes what it prints to, from where this run of it begins. */
export class ServerLog {
  private constructor(
    readonly file: string,
    private readonly begin: number,
  ) {}

  /** Also opens the file for the server; the caller closes the descriptor when the server has it. */
  static open(file: string): { log: ServerLog; descriptor: number } {
    mkdirSync(dirname(file), { recursive: true });
    if (existsSync(file) && statSync(file).size > ROTATE_BYTES) renameSync(file, `${file}.1`);
    const descriptor = openSync(file, 'a', 0o600);
    return { log: new ServerLog(file, fstatSync(descriptor).size), descriptor };
  }

  /** The end of what this run has printed, some thousand lines. */
  tail(): string {
    return tailOf(this.file, this.begin);
  }

  lastLines(count = 12): string[] {
    return linesOf(this.tail(), count);
  }
}

/** The last lines of a log, oldest first, without empty ones; none when there is no such file. */
export function lastLinesOf(file: string, count: number): string[] {
  return existsSync(file) ? linesOf(tailOf(file, 0), count) : [];
}

const linesOf = (text: string, count: number): string[] =>
  text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-count);

/** The end of a file, from a place in it on. */
function tailOf(file: string, begin: number): string {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const from = Math.max(begin, size - TAIL_BYTES);
    const buffer = Buffer.alloc(Math.max(0, size - from));
    return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, from));
  } finally {
    closeSync(descriptor);
  }
}
