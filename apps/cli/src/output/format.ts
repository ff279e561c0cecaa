import { stringify } from 'yaml';
import type { Terminal } from './terminal.js';

export const FORMATS = ['table', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** Prints a result: as data for machines, or as `table` words it for people. */
export function print(out: Terminal, format: Format, data: unknown, table: () => string): void {
  if (format === 'json') out.line(JSON.stringify(data, null, 2));
  else if (format === 'yaml') out.write(stringify(data, { lineWidth: 0, aliasDuplicateObjects: false }));
  else out.line(table());
}
