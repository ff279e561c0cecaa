import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const MAX_BYTES = 10 * 1024 ** 2;
/** Former files beside the present one: `dsops.log.1` is the latest of them. */
const KEPT = 4;

/**
 * The log of a process as a file with a bound: at ten megabytes it becomes `….1`, and the oldest of five goes. Readable by
 * its owner only. A disk that is full, or a folder that is gone, loses lines and stops nothing.
 */
export class LogFile {
  private fd: number | undefined;
  private size = 0;

  constructor(
    readonly path: string,
    private readonly limits: { readonly maxBytes: number; readonly kept: number } = { maxBytes: MAX_BYTES, kept: KEPT },
  ) {}

  /** Takes whole lines. */
  write(line: string): void {
    const bytes = Buffer.from(line, 'utf8');
    try {
      if (this.fd !== undefined && this.size > 0 && this.size + bytes.length > this.limits.maxBytes) this.rotate();
      this.fd ??= this.open();
      this.size += writeSync(this.fd, bytes);
    } catch {
      // What is lost is this line: who writes it has something better to do than to fail for it.
    }
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private open(): number {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const fd = openSync(this.path, 'a', 0o600);
    this.size = fstatSync(fd).size;
    return fd;
  }

  private rotate(): void {
    this.close();
    for (let nth = this.limits.kept; nth > 0; nth--) {
      try {
        renameSync(nth === 1 ? this.path : `${this.path}.${nth - 1}`, `${this.path}.${nth}`);
      } catch {
        // there was none yet
      }
    }
  }
}
