import Table from 'cli-table3';
import type { Paint } from './terminal.js';

const none = '';
const BORDERLESS = {
  top: none,
  'top-mid': none,
  'top-left': none,
  'top-right': none,
  bottom: none,
  'bottom-mid': none,
  'bottom-left': none,
  'bottom-right': none,
  left: none,
  'left-mid': none,
  mid: none,
  'mid-mid': none,
  right: none,
  'right-mid': none,
  middle: '  ',
};

export interface Row {
  readonly cells: readonly string[];
  /** Lines shown below the row, without columns. */
  readonly below?: readonly string[];
}

/** Columns without borders, two spaces between them; wide characters count as wide. */
export function table(paint: Paint, header: readonly string[], rows: readonly Row[]): string {
  const lines = columns([header, ...rows.map((row) => row.cells)]);
  const [first = '', ...rest] = lines;
  return [paint.bold(first), ...rows.flatMap((row, index) => [rest[index] ?? '', ...(row.below ?? [])])].join('\n');
}

/** Pairs of a name and a value, one per line. */
export const fields = (paint: Paint, pairs: readonly (readonly [string, string])[], indent = ''): string =>
  columns(pairs.map(([name, value]) => [paint.dim(`${name}:`), value]))
    .map((line) => indent + line)
    .join('\n');

function columns(rows: readonly (readonly string[])[]): string[] {
  const grid = new Table({ chars: BORDERLESS, style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] } });
  // A line break inside a cell would tear the row apart.
  for (const row of rows) grid.push(row.map((cell) => cell.replace(/\s*[\r\n]+\s*/g, ' ')));
  return grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}
