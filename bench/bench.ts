import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderTable, type Table } from './table.js';

/** What a benchmark comes to. */
export interface Report {
  readonly tables: readonly Table[];
  /** Aims and what was reached, and what a reader must know to read the figures right. */
  readonly notes: readonly string[];
  /** What was lost, doubled or left out. Being slow is none of them. */
  readonly problems: readonly string[];
  /** Everything in numbers, for --json. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/** Ctrl-C, or the end of a terminal. */
class Interrupted extends Error {}

/**
 * One run of a benchmark: what it has started is undone at its end, the last first, also after Ctrl-C and after a
 * failure in the middle.
 */
export class Bench {
  private readonly undo: (() => unknown)[] = [];
  private readonly interruption = Promise.withResolvers<never>();

  private constructor() {
    // It may come while nobody waits for it.
    this.interruption.promise.catch(() => undefined);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => this.interruption.reject(new Interrupted()));
    // What was still under way when something else failed fails as its servers go: the first failure is the one to tell.
    process.on('unhandledRejection', (error) => this.interruption.reject(error));
  }

  /** Runs it and sets the exit code: 0 when every figure is there and nothing was lost, 1 when not, 130 after Ctrl-C. */
  static async run<Options extends { readonly json: boolean }>(
    work: (bench: Bench, options: Options) => Promise<Report>,
  ): Promise<void> {
    const options = JSON.parse(process.argv[2] ?? '{}') as Options;
    const bench = new Bench();
    try {
      const report = await Promise.race([work(bench, options), bench.interruption.promise]);
      bench.progress('');
      print(report, options.json);
      process.exitCode = report.problems.length === 0 ? 0 : 1;
    } catch (error) {
      bench.progress('');
      if (error instanceof Interrupted) process.stderr.write('interrupted; cleaning up …\n');
      else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exitCode = error instanceof Interrupted ? 130 : 1;
    } finally {
      await bench.end();
    }
    // What an interrupted part still waits for must not keep the process.
    process.exit();
  }

  /** Undone at the end, before what was started earlier. */
  onEnd(undo: () => unknown): void {
    this.undo.push(undo);
  }

  /** A folder for this run that an account of the database's own can enter, and nobody else can list. */
  temporaryFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'dsops-bench-'));
    chmodSync(folder, 0o711);
    this.onEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
    return folder;
  }

  /** One line at a terminal that is replaced by the next; nothing elsewhere. */
  progress(line: string): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line}`);
  }

  private async end(): Promise<void> {
    while (this.undo.length > 0)
      try {
        await this.undo.pop()?.();
      } catch (error) {
        process.stderr.write(`could not be cleaned up: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exitCode ||= 1;
      }
  }
}

function print({ tables, notes, problems, figures }: Report, isJson: boolean): void {
  if (isJson) {
    process.stdout.write(`${JSON.stringify({ ...figures, problems }, null, 2)}\n`);
    return;
  }
  for (const table of tables) process.stdout.write(`${renderTable(table)}\n`);
  process.stdout.write(`\n${notes.map((note) => `${note}\n`).join('')}`);
  for (const problem of problems) process.stderr.write(`WRONG: ${problem}\n`);
}
