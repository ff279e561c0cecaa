import { styleText } from 'node:util';
import type { CellResult, Progress, RunResult } from './run.js';

const paint = (style: 'green' | 'red' | 'dim' | 'bold', text: string) =>
  styleText(style, text, { stream: process.stdout });
const seconds = (ms: number | null) => (ms === null ? '' : `${(ms / 1000).toFixed(2)} s`);
const isGood = ({ outcome }: CellResult) => outcome === 'recovered';

const TELL_EVERY = 20;

/** One line that is written over and over, on a terminal; elsewhere what went wrong, and now and then how far it is. */
export function showProgress({ done, of, result }: Progress): void {
  const line = `  ${done}/${of}  ${result.id}  ${result.outcome}`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns ?? 100) - 1)}`);
  else if (isGood(result) && done % TELL_EVERY === 0) process.stderr.write(`  ${done}/${of}\n`);
  if (!isGood(result)) process.stderr.write(`${process.stderr.isTTY ? '\n' : ''}${line}\n`);
}

interface Row {
  readonly effect: string;
  readonly before: CellResult | null;
  readonly after: CellResult | null;
}

/** The matrix: plan × effect × before and after, with the outcome and the time to recover. */
export function tableOf({ plain, cells }: RunResult): string {
  const lines: string[] = [];
  for (const { scenario, windowMs, ...result } of plain) {
    const own = cells.filter((cell) => cell.scenario === scenario);
    const windows = own.map((cell) => cell.windowMs);
    lines.push('', `${paint('bold', scenario)}  ${paint('dim', aboutOf(result.state, windowMs, windows))}`);
    const rows = rowsOf(own);
    const width = Math.max(24, ...rows.map(({ effect }) => effect.length));
    lines.push(paint('dim', `  ${'effect'.padEnd(width)}  ${'killed before'.padEnd(26)}  killed after`));
    for (const { effect, before, after } of rows)
      lines.push(`  ${effect.padEnd(width)}  ${cellText(before, 26)}  ${cellText(after, 0)}`);
  }
  return lines.join('\n');
}

const aboutOf = (state: string, windowMs: number, windows: readonly number[]): string =>
  [
    `ends ${state}`,
    ...(windowMs > 0 ? [`CURRENT refused for ${windowMs} ms without a kill`] : []),
    ...(Math.max(0, ...windows) > 0 ? [`for ${seconds(Math.max(...windows))} at most with one`] : []),
  ].join(', ');

function rowsOf(cells: readonly CellResult[]): Row[] {
  const rows = new Map<string, Row>();
  for (const cell of cells) {
    const key = cell.id.slice(0, cell.id.lastIndexOf('/'));
    const row = rows.get(key) ?? {
      effect: `${cell.step} · ${cell.effect}${cell.heir === 'rival' ? ', by lease' : ''}`,
      before: null,
      after: null,
    };
    rows.set(key, { ...row, [cell.when]: cell });
  }
  return [...rows.values()];
}

function cellText(cell: CellResult | null, width: number): string {
  if (cell === null) return ''.padEnd(width);
  const text = `${isGood(cell) ? '✓' : '✗'} ${isGood(cell) ? cell.state : cell.outcome} ${seconds(cell.recoveryMs)}`;
  return paint(isGood(cell) ? 'green' : 'red', text.padEnd(width));
}

/** What was broken, then the totals. */
export function summaryOf({ plain, cells }: RunResult, tookMs: number): string {
  const all = [...plain, ...cells];
  const bad = all.filter((cell) => !isGood(cell));
  const sum = (of: (cell: CellResult) => number) => all.reduce((total, cell) => total + of(cell), 0);
  const verdict = bad.length === 0 ? paint('green', 'nothing lost, nothing orphaned, nothing ended early') : paint('red', `${bad.length} broken`); // prettier-ignore
  return [
    ...bad.flatMap((cell) => ['', paint('red', `✗ ${cell.id}`), ...cell.problems.map((problem) => `    ${problem}`)]),
    '',
    `${cells.length} kills, ${cells.filter(isGood).length} recovered: ${verdict}`,
    ...timesOf(cells, 'successor', 'From SIGKILL to the end of the rotation, by a process that starts then'),
    ...timesOf(cells, 'rival', 'by one that waits for the lease'),
    paint('dim', `${sum((cell) => cell.looks)} looks of the oracle, ${sum((cell) => cell.logins)} logins, ${sum((cell) => cell.checkOuts)} check-outs, in ${seconds(tookMs)}`), // prettier-ignore
  ].join('\n');
}

function timesOf(cells: readonly CellResult[], heir: CellResult['heir'], what: string): string[] {
  const times = cells
    .flatMap((cell) => (cell.heir === heir && cell.recoveryMs !== null ? [cell.recoveryMs] : []))
    .sort((a, b) => a - b);
  const at = (share: number) => seconds(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0);
  return times.length === 0 ? [] : [`${what}: median ${at(0.5)}, p95 ${at(0.95)}, longest ${at(1)} (${times.length})`];
}

/** Did everything that was to be shown get shown? A run without cells shows nothing. */
export const isClean = ({ plain, cells }: RunResult): boolean => cells.length > 0 && [...plain, ...cells].every(isGood);
