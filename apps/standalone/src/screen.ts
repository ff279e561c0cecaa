import { createColors } from 'picocolors';
import { formatDuration, type DomainError } from '@dsops/kernel';

const LABEL_WIDTH = 22;
const TEXT_WIDTH = 50;
const COMMAND_WIDTH = 62;

/** What is too long for its column still stands apart from the next. */
const column = (text: string, width: number): string => `${text.padEnd(width - 2)}  `;

/** What the person at the terminal sees. Colour only on a terminal and without NO_COLOR. */
export class Screen {
  private readonly colors;

  constructor(
    private readonly out: NodeJS.WriteStream,
    options: { readonly hasColors: boolean },
  ) {
    this.colors = createColors(options.hasColors);
  }

  title(text: string): void {
    this.write(`\n${this.colors.bold(text)}\n\n`);
  }

  heading(text: string): void {
    this.write(`\n${this.colors.bold(text)}\n\n`);
  }

  text(text = ''): void {
    this.write(text === '' ? '\n' : `  ${text}\n`);
  }

  /** One thing that is done: `✓ probe new    the server accepts the new password    12 ms`. */
  done(label: string, text: string, durationMs?: number): void {
    this.row(this.colors.green('✓'), label, text, durationMs);
  }

  /** One thing that did not apply, or has to wait. */
  skipped(label: string, text: string): void {
    this.row(this.colors.dim('○'), label, this.colors.dim(text));
  }

  bad(label: string, text: string): void {
    this.row(this.colors.red('✗'), label, text);
  }

  /** A name and what belongs to it, aligned with the others. */
  fact(name: string, value: string): void {
    this.write(`  ${this.colors.dim(column(name, LABEL_WIDTH))}${value}\n`);
  }

  command(command: string, meaning: string): void {
    this.write(`  ${this.colors.cyan(column(command, COMMAND_WIDTH))}${this.colors.dim(meaning)}\n`);
  }

  problem(error: DomainError): void {
    this.write(`\n${this.colors.red('✗')} ${error.message}\n`);
    if (error.details.remedy !== undefined) this.write(`  ${error.details.remedy}\n`);
  }

  private row(mark: string, label: string, text: string, durationMs?: number): void {
    const time = durationMs === undefined ? '' : this.colors.dim(formatDuration(durationMs).padStart(8));
    this.write(`  ${mark} ${column(label, LABEL_WIDTH)}${time === '' ? text : text.padEnd(TEXT_WIDTH)}${time}\n`);
  }

  private write(text: string): void {
    this.out.write(text);
  }
}
