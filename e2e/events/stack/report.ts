import { problemsOf, type Effects } from '../oracle.js';
import { MOST_BEHIND, type CourseResult, type KillResult } from './course.js';
import type { CoursePlan } from './steps.js';
import type { VictimName } from './victims.js';

/** Rows of words, for the terminal and for the docs. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const WORDS: Record<VictimName, string> = {
  broker: 'broker (Kafka)',
  sidecar: 'sidecar (daprd)',
  consumer: 'consumer',
  producer: 'producer, in the middle of commands',
  relay: 'relay, in the middle of publishing',
  database: 'our database (PostgreSQL)',
};

const seconds = (ms: number | null): string => (ms === null ? '' : `${(ms / 1_000).toFixed(1)} s`);

/** `median, longest` */
function spread(times: readonly number[]): [string, string] {
  const sorted = times.toSorted((a, b) => a - b);
  return [seconds(sorted[Math.floor((sorted.length - 1) / 2)] ?? null), seconds(sorted.at(-1) ?? null)];
}

/** Everything that is wrong, in words. */
export function problemsIn({ verdict, log, kills, crashed, stalled }: CourseResult, plan: CoursePlan): string[] {
  const unanswered = plan.commands - verdict.acknowledged;
  const missing = verdict.events - (log.records - log.copies);
  const short = plan.victims.filter((victim) => kills.filter((kill) => kill.victim === victim).length < plan.killsEach);
  return [
    ...(stalled === null ? [] : [stalled]),
    ...crashed.map((name) => `${name} ended by itself`),
    ...(unanswered === 0 ? [] : [`${unanswered} commands were never acknowledged`]),
    ...problemsOf(verdict),
    ...(missing === 0 ? [] : [`${missing} events are not in the broker's log`]),
    ...(log.scattered.length === 0
      ? []
      : [`${log.scattered.length} keys in more than one partition, such as "${log.scattered[0]}"`]),
    ...short.map((victim) => `${victim} was not killed ${plan.killsEach} times`),
  ];
}

export function tablesOf(result: CourseResult, plan: CoursePlan): Table[] {
  const { scales, verdict, log, tookMs } = result;
  const counted = (of: (found: Effects) => number) => verdict.consumers.map((found) => String(of(found)));
  const perSecond = (count: number) => ((count * 1_000) / tookMs).toFixed(0);
  return [
    {
      title: 'SIGKILL, and the next one only after progress resumed',
      columns: [
        'victim',
        'kills',
        'ready again: median',
        'longest',
        'effects go on: median',
        'longest',
        'nothing behind: median',
        'longest',
      ],
      rows: plan.victims.map((victim) =>
        killRow(
          WORDS[victim],
          result.kills.filter((kill) => kill.victim === victim),
        ),
      ),
    },
    {
      title: 'Replicas of the consuming service',
      columns: ['from', 'to', 'each new one applies', 'nothing behind'],
      rows: scales.map(({ from, to, sharedMs, wholeMs }) => [
        String(from),
        String(to),
        seconds(sharedMs),
        seconds(wholeMs),
      ]),
    },
    {
      title: 'Counted against the acknowledged commands, for each of the two consumers',
      columns: ['', ...verdict.consumers.map(({ consumer }) => `events taken ${consumer}`)],
      rows: [
        ['effects', ...counted(({ count }) => count)],
        ['lost', ...counted(({ lost }) => lost.length)],
        ['doubled', ...counted(({ doubled }) => doubled.length)],
        ['out of the order of their key', ...counted(({ outOfOrder }) => outOfOrder.length)],
        ['that nobody asked for', ...counted(({ strange }) => strange.length)],
      ],
    },
    {
      title: 'Totals',
      columns: ['', 'how many'],
      rows: [
        ['commands acknowledged', `${verdict.acknowledged} of ${plan.commands}`],
        ['commands lost', String(verdict.commandsLost.length)],
        ['their events', String(verdict.events)],
        ['parked events, open dead letters, alarms', String(verdict.leftOver.length)],
        ['records in the broker', `${log.records}, of them ${log.copies} second copies`],
        ['keys in more than one partition', String(log.scattered.length)],
        ['from the first command to the last effect', seconds(tookMs)],
        ['events per second, faults included', perSecond(verdict.events)],
      ],
    },
  ];
}

function killRow(words: string, kills: readonly KillResult[]): string[] {
  const times = [
    kills.map(({ backMs }) => backMs),
    kills.map(({ firstMs }) => firstMs),
    kills.map(({ wholeMs }) => wholeMs),
  ];
  return [words, String(kills.length), ...times.flatMap(spread)];
}

/** For a terminal. */
export function textOf({ title, columns, rows }: Table): string {
  const widths = columns.map((column, nth) => Math.max(column.length, ...rows.map((row) => row[nth]!.length)));
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, nth) => cell.padEnd(widths[nth]!)).join('  ')}`.trimEnd();
  return ['', title, '', line(columns), ...rows.map(line)].join('\n');
}

const markdownOf = ({ title, columns, rows }: Table): string[] => [
  `## ${title}`,
  '',
  `| ${columns.join(' | ')} |`,
  `|${columns.map(() => ' --- |').join('')}`,
  ...rows.map((row) => `| ${row.join(' | ')} |`),
  '',
];

/** The run as a page of the docs. */
export function documentOf(result: CourseResult, plan: CoursePlan, command: string): string {
  const problems = problemsIn(result, plan);
  return [
    '# Events under faults',
    '',
    `Written by \`${command} --docs FILE\`. One Kafka, one PostgreSQL with durable settings, three producers and 1 to ${Math.max(...plan.replicas)} replicas of a service with two consumers, each a process with a Dapr sidecar of its own, all on one machine. A client sends ${plan.commands} commands to the producers; one command in ten concerns two of ${plan.keys} keys, of which the k-th is chosen with a weight of 1/k. Meanwhile each victim is killed with SIGKILL in turn, at an instant of chance. What came of it is counted from outside: effects in PostgreSQL against the commands that the client got an answer for, and the records in Kafka.`,
    '',
    problems.length === 0
      ? '**Nothing lost, nothing doubled, every key in its order.**'
      : `**${problems.join('; ')}.**`,
    '',
    ...tablesOf(result, plan).flatMap(markdownOf),
    `All times are from the kill, or from the beginning of the step. *Ready again*: the victim was started at once, and has come up. *Effects go on*: the first effect that was committed after that. *Nothing behind*: everything that had been said until the victim was ready, of every key, has had its effect; the next kill comes only then. The client sends as fast as it is answered and waits only while effects are ${MOST_BEHIND} behind, so this includes the queue of a machine that is busy all the time.`,
    '',
  ].join('\n');
}
