import { formatDuration, isDomainError } from '@dsops/kernel';
import { howItEnded, type ServerExit } from '../servers/why-it-ended.js';
import type { Screen } from '@dsops/standalone/screen';
import { readableLine } from './log-line.js';
import type { ProgressLine } from './progress-line.js';
import type { PartRecord, StackRecord, StateFile } from './state-file.js';

/** What is known of a part once it is up. */
export interface PartFacts {
  readonly address?: string;
  readonly pid?: number;
  readonly program?: string;
  readonly logFile?: string;
}

/** Keeps the record of what runs, on the screen and in the state file, as parts start, are up and end. */
export class PartBoard {
  private record: StackRecord = {
    version: 1,
    pid: process.pid,
    state: 'starting',
    startedAt: now(),
    parts: [],
  };

  /** @param homeOption what the commands in hints need to find this stack, such as ` --home /tmp/other` */
  constructor(
    private readonly file: StateFile,
    private readonly screen: Screen,
    readonly progress: ProgressLine,
    private readonly homeOption: string,
  ) {}

  begin(): void {
    this.file.write(this.record);
  }

  set(change: Partial<Omit<StackRecord, 'parts'>>): void {
    this.record = { ...this.record, ...change };
    this.file.write(this.record);
  }

  /** Starts one part: it is on record from the beginning, and how it ends shows. */
  async start<R>(
    part: { name: string; title: string; logFile?: string },
    work: () => Promise<[PartFacts, R]>,
  ): Promise<R> {
    this.put({ ...part, state: 'starting', since: now() });
    return this.step(part.title, async () => {
      const [facts, result] = await work();
      this.put({ ...part, ...facts, state: 'up', since: now() });
      return [facts.address ?? '', result];
    });
  }

  /** Something that has to be done and then is done, such as applying migrations. */
  async step<R>(title: string, work: () => Promise<[text: string, result: R]>): Promise<R> {
    const startedAt = performance.now();
    try {
      const [text, result] = await work();
      this.progress.clear();
      this.screen.done(title, text, performance.now() - startedAt);
      return result;
    } catch (error) {
      // Who stops a stack while it starts wants no list of what did not start.
      if (this.record.state === 'stopping') throw error;
      this.progress.clear();
      this.screen.bad(title, `not done, after ${formatDuration(performance.now() - startedAt)}`);
      if (isDomainError(error)) this.showLines(error.details.lastLines);
      throw error;
    }
  }

  /** The stack goes on without this part. */
  absent(part: { name: string; title: string }, note: string, remedy: string): void {
    this.put({ ...part, state: 'absent', since: now(), note, remedy });
    this.progress.clear();
    this.screen.skipped(part.title, `${note} ${remedy}`);
  }

  /** A part ended and nobody had asked it to. */
  ended(name: string, exit: ServerExit): void {
    const part = this.record.parts.find((one) => one.name === name);
    if (part === undefined || this.record.state === 'stopping') return;
    const how = howItEnded(exit);
    const note = `ended by itself${how === null ? '' : ` (${how})`}${exit.cause === null ? '' : `: ${exit.cause.says}`}`;
    const command = (words: string) => `pnpm stack ${words}${this.homeOption}`;
    const remedy = `${exit.cause?.remedy ?? `Its log: ${command(`logs ${name}`)}.`} Then ${command('down')} and up: data is kept.`;
    const { pid: _, ...rest } = part;
    this.put({
      ...rest,
      state: 'ended',
      since: now(),
      note,
      remedy,
      lastLines: exit.lastLines.map(readableLine),
    });
    this.progress.clear();
    this.screen.text();
    this.screen.bad(part.title, note);
    this.showLines(exit.lastLines);
    this.screen.text(remedy);
  }

  private showLines(lines: unknown): void {
    if (!Array.isArray(lines)) return;
    for (const line of lines.slice(-6)) this.screen.text(`  │ ${readableLine(String(line)).slice(0, 200)}`);
  }

  private put(part: PartRecord): void {
    const { parts } = this.record;
    const at = parts.findIndex(({ name }) => name === part.name);
    this.record = { ...this.record, parts: at === -1 ? [...parts, part] : parts.with(at, part) };
    this.file.write(this.record);
  }
}

const now = () => new Date().toISOString();
