import type { Finding } from '@dsops/contracts/rotation/api';
import type { Paint } from './terminal.js';

const mark = (paint: Paint, level: Finding['level']): string =>
  level === 'ok' ? paint.green('✓') : level === 'warning' ? paint.yellow('!') : paint.red('✗');

/** One finding of a look: its mark, its sentence and, below it, what to do. */
export function findingLines(paint: Paint, { level, check, message, remedy }: Finding): string[] {
  const line = `  ${mark(paint, level)} ${check.replaceAll(/[-_]/g, ' ').padEnd(20)} ${message}`;
  return remedy === null ? [line] : [line, `    ${paint.dim('→')} ${remedy}`];
}
