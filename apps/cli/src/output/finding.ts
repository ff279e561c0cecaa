import type { Finding } from '@dsops/contracts/rotation/api';
import type { Paint } from './terminal.js';

/** Checks whose warnings are about who may get the passwords: nobody should overlook them. */
const DANGERS: ReadonlySet<string> = new Set(['encryption', 'authentication']);

const mark = (paint: Paint, level: Finding['level']): string =>
  level === 'ok' ? paint.green('✓') : level === 'warning' ? paint.yellow('!') : paint.red('✗');

/** One finding of a look: its mark, its sentence and, below it, what to do. */
export function findingLines(paint: Paint, { level, check, message, remedy }: Finding): string[] {
  const isDanger = level === 'warning' && DANGERS.has(check);
  const label = check.replaceAll(/[-_]/g, ' ').padEnd(20);
  const line = isDanger ? `  ${paint.red(`! ${label} ${message}`)}` : `  ${mark(paint, level)} ${label} ${message}`;
  return remedy === null ? [line] : [line, `    ${paint.dim('→')} ${remedy}`];
}
