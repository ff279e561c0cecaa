import { styleText } from 'node:util';
import { LEASE_MS } from './course.js';
import { FAULT_NAMES, FAULTS, type Fault } from './faults.js';
import type { CellResult, Progress, RunResult } from './run.js';

const paint = (style: 'green' | 'red' | 'dim' | 'bold', text: string) =>
  styleText(style, text, { stream: process.stdout });
export const seconds = (ms: number | null) => (ms === null ? '' : `${(ms / 1000).toFixed(2)} s`);
export const isGood = ({ outcome }: CellResult) => outcome === 'recovered';

const TELL_EVERY = 20;

/** One line that is written over and over, on a terminal; elsewhere what went wrong, and now and then how far it is. */
export function showProgress({ done, of, result }: Progress): void {
  const line = `  ${done}/${of}  ${result.id}  ${result.outcome}`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns ?? 100) - 1)}`);
  else if (isGood(result) && done % TELL_EVERY === 0) process.stderr.write(`  ${done}/${of}\n`);
  if (!isGood(result)) process.stderr.write(`${process.stderr.isTTY ? '\n' : ''}${line}\n`);
}

/** The matrix: for each plan, its effects and the faults at them, with the time to recover. */
export function tableOf({ plain, cells }: RunResult): string {
  const faults = FAULT_NAMES.filter((fault) => cells.some((cell) => cell.fault === fault));
  const lines: string[] = [];
  for (const { scenario, windowMs, ...result } of plain) {
    const own = cells.filter((cell) => cell.scenario === scenario);
    const windows = own.map((cell) => cell.windowMs);
    lines.push('', `${paint('bold', scenario)}  ${paint('dim', aboutOf(result.state, windowMs, windows))}`);
    if (own.length === 0) continue;
    const rows = rowsOf(own);
    const width = Math.max(24, ...rows.map(({ place }) => place.length));
    const widths = faults.map((fault) => Math.max(8, FAULTS[fault].words.length));
    lines.push(
      paint(
        'dim',
        `  ${'effect'.padEnd(width)}  ${faults.map((fault, n) => FAULTS[fault].words.padEnd(widths[n]!)).join('  ')}`,
      ),
    );
    for (const { place, byFault } of rows)
      lines.push(
        `  ${place.padEnd(width)}  ${faults.map((fault, n) => cellText(byFault.get(fault), widths[n]!)).join('  ')}`,
      );
  }
  return lines.join('\n');
}

const aboutOf = (state: string, windowMs: number, windows: readonly number[]): string =>
  [
    `ends ${state}`,
    ...(windowMs > 0 ? [`CURRENT refused for ${windowMs} ms without a fault`] : []),
    ...(Math.max(0, ...windows) > 0 ? [`for ${seconds(Math.max(...windows))} at most with one`] : []),
  ].join(', ');

export interface Row {
  readonly place: string;
  readonly byFault: Map<string, CellResult>;
}

export function rowsOf(cells: readonly CellResult[]): Row[] {
  const rows = new Map<string, Row>();
  for (const cell of cells) {
    const key = cell.id.slice(0, cell.id.lastIndexOf('/'));
    const row = rows.get(key) ?? { place: `${cell.step} · ${cell.when} ${cell.effect}`, byFault: new Map() };
    row.byFault.set(cell.fault, cell);
    rows.set(key, row);
  }
  return [...rows.values()];
}

function cellText(cell: CellResult | undefined, width: number): string {
  if (cell === undefined) return paint('dim', '·'.padEnd(width));
  const text = isGood(cell) ? `✓ ${seconds(cell.recoveryMs)}` : `✗ ${cell.outcome}`;
  return paint(isGood(cell) ? 'green' : 'red', text.padEnd(width));
}

/** What was broken, then the totals. */
export function summaryOf({ plain, cells, random, rollbacks, leftOut }: RunResult, tookMs: number): string {
  const all = [...plain, ...cells, ...random, ...rollbacks];
  const faults = [...cells, ...random];
  const bad = all.filter((cell) => !isGood(cell));
  const sum = (of: (cell: CellResult) => number) => all.reduce((total, cell) => total + of(cell), 0);
  const verdict =
    bad.length > 0
      ? paint('red', `${bad.length} broken`)
      : faults.length + rollbacks.length === 0
        ? paint('red', 'none was chosen, so nothing is proven')
        : paint('green', 'nothing lost, nothing orphaned, nothing ended early');
  return [
    ...bad.flatMap((cell) => ['', paint('red', `✗ ${cell.id}`), ...cell.problems.map((problem) => `    ${problem}`)]),
    '',
    `${faults.length} faults, ${faults.filter(isGood).length} recovered: ${verdict}`,
    ...leftOutWords(leftOut),
    'From the fault to the end of the rotation:',
    ...FAULT_NAMES.flatMap((fault) => timesOf(cells, fault, FAULTS[fault].words)),
    ...timesOf(random, 'killed', 'killed at a random instant'),
    ...leaseWords(cells),
    ...rollbackWords(rollbacks),
    paint(
      'dim',
      `${sum((cell) => cell.looks)} looks of the oracle, ${sum((cell) => cell.logins)} logins, ${sum((cell) => cell.checkOuts)} check-outs, in ${seconds(tookMs)}`,
    ),
  ].join('\n');
}

/** What was not shown, so that nobody takes it for shown. */
export const leftOutWords = (leftOut: readonly string[]): string[] =>
  leftOut.length === 0
    ? []
    : [`Left out, as this target has no verification that only a second value fails: ${leftOut.join(', ')}.`];

/** Medians and the like of times in milliseconds, in words; empty without any. */
export function spread(timesMs: readonly number[]): string {
  const times = timesMs.toSorted((a, b) => a - b);
  const at = (share: number) => seconds(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0);
  return times.length === 0 ? '' : `median ${at(0.5)}, p95 ${at(0.95)}, longest ${at(1)} (${times.length})`;
}

const recoveries = (cells: readonly CellResult[], fault: Fault): number[] =>
  cells.flatMap((cell) => (cell.fault === fault && cell.recoveryMs !== null ? [cell.recoveryMs] : []));

function timesOf(cells: readonly CellResult[], fault: Fault, what: string): string[] {
  const words = spread(recoveries(cells, fault));
  return words === '' ? [] : [`  ${what.padEnd(28)}${words}`];
}

/** A worker that is gone costs its lease and little more. */
function leaseWords(cells: readonly CellResult[]): string[] {
  const times = recoveries(cells, 'killed-by-lease');
  const soon = times.filter((ms) => ms <= LEASE_MS + AFTER_LEASE_MS).length;
  return times.length === 0 ? [] : [`  ${soon} of ${times.length} within the lease and ${seconds(AFTER_LEASE_MS)}`];
}
const AFTER_LEASE_MS = 5_000;

function rollbackWords(rollbacks: readonly CellResult[]): string[] {
  const times = rollbacks.flatMap(({ rollback }) => rollback ?? []);
  if (times.length === 0) return [];
  return [
    'From the failed verification to the rollback:',
    `  ${'begins after'.padEnd(28)}${spread(times.map(({ beganAfterMs }) => beganAfterMs))}`,
    `  ${'ends, proven, after'.padEnd(28)}${spread(times.map(({ endedAfterMs }) => endedAfterMs))}`,
  ];
}

/** Did everything that was to be shown get shown? A run without cells shows nothing. */
export const isClean = ({ plain, cells, random, rollbacks }: RunResult): boolean =>
  cells.length + random.length + rollbacks.length > 0 && [...plain, ...cells, ...random, ...rollbacks].every(isGood);
