export interface Table {
  readonly title: string;
  /** The first column is text and stands left, the others are figures and stand right. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A table for people, with a blank line before it. */
export function renderTable({ title, columns, rows }: Table): string {
  const all = [columns, ...rows];
  const widths = columns.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const lines = all.map((row) =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? '';
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('   ')
      .trimEnd(),
  );
  const rule = '─'.repeat(Math.max(...lines.map(({ length }) => length)));
  return ['', title, rule, lines[0], rule, ...lines.slice(1)].join('\n');
}
