import { availableParallelism } from 'node:os';
import { FAULT_NAMES, FAULTS } from './faults.js';
import { isGood, leftOutWords, rowsOf, seconds, spread } from './report.js';
import type { Circumstances } from './results-file.js';
import type { CellResult, RunResult } from './run.js';

export interface HowItRan extends Circumstances {
  /** Rotations at the same time. */
  readonly lanes: number;
}

/** The whole matrix as a page of the docs. */
export function documentOf(
  { plain, cells, random, leftOut }: RunResult,
  { digest, driver, layout, isStack, lanes }: HowItRan,
): string {
  const faults = [...cells, ...random];
  const broken = faults.filter((cell) => !isGood(cell));
  const sum = (of: (cell: CellResult) => number) => [...plain, ...faults].reduce((total, cell) => total + of(cell), 0);
  return [
    '# The kill matrix',
    '',
    `Written by \`pnpm test:kill --docs FILE\`, from a run on real servers with durable settings${isStack ? ', with events on Dapr and Kafka, where a listener outside had to hear each one in its order' : ''}: up to ${lanes} rotations at the same time on ${availableParallelism()} processors, so the times hold what each waited for the others.`,
    '',
    `The targets were those of the driver \`${driver}\`${layout === null ? '' : `, with ${layout}`}. The digest of engine, driver, its world and this proof is \`${digest}\`: \`pnpm test:kill --digest\` tells whether the sources are still these.`,
    '',
    'Each row is a point in the course of a rotation, each column what happened there; the time is from the fault to the end of the rotation. `·` is a fault that means nothing at that point, such as a lost answer where nobody was asked.',
    '',
    `**${faults.length} faults, ${faults.length - broken.length} recovered**, ${random.length} of them kills at random instants. An oracle in a process of its own looked ${sum((cell) => cell.looks)} times and tried ${sum((cell) => cell.logins)} logins; a client held ${sum((cell) => cell.checkOuts)} check-outs meanwhile.`,
    '',
    ...leftOutWords(leftOut).flatMap((words) => [words, '']),
    ...broken.flatMap(({ id, problems }) => [`- ✗ ${id}: ${problems.join('; ')}`]),
    '## Time to recover',
    '',
    '| fault | from it to the end of the rotation |',
    '| --- | --- |',
    ...FAULT_NAMES.flatMap((fault) =>
      timeRow(
        FAULTS[fault].words,
        cells.filter((cell) => cell.fault === fault),
      ),
    ),
    ...timeRow('killed at a random instant', random),
    ...plain.flatMap((result) =>
      tableOf(
        result,
        cells.filter(({ scenario }) => scenario === result.scenario),
      ),
    ),
    '',
  ].join('\n');
}

function timeRow(words: string, cells: readonly CellResult[]): string[] {
  const times = spread(cells.flatMap(({ recoveryMs }) => recoveryMs ?? []));
  return times === '' ? [] : [`| ${words} | ${times} |`];
}

function tableOf({ scenario, state, windowMs }: CellResult, cells: readonly CellResult[]): string[] {
  if (cells.length === 0) return [];
  const window = Math.max(...cells.map((cell) => cell.windowMs));
  return [
    '',
    `## ${scenario}`,
    '',
    `Ends ${state}.${window > 0 ? ` CURRENT is refused for ${windowMs} ms without a fault, for ${seconds(window)} at most with one.` : ''}`,
    '',
    `| point | ${FAULT_NAMES.map((fault) => FAULTS[fault].words).join(' | ')} |`,
    `| --- |${' --- |'.repeat(FAULT_NAMES.length)}`,
    ...rowsOf(cells).map(
      ({ place, byFault }) => `| ${place} | ${FAULT_NAMES.map((fault) => markOf(byFault.get(fault))).join(' | ')} |`,
    ),
  ];
}

function markOf(cell: CellResult | undefined): string {
  if (cell === undefined) return '·';
  return isGood(cell) ? `✓ ${seconds(cell.recoveryMs)}` : `✗ ${cell.outcome}`;
}
