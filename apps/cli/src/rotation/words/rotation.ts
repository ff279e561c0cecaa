import type { RotationView } from '@dsops/contracts/rotation/api';
import { formatDuration } from '@dsops/kernel';
import { fields } from '../../output/table.js';
import { heldLines } from './consumers.js';
import type { Paint } from '../../output/terminal.js';
import { timestamp } from '../../output/time.js';

export interface Step {
  readonly name: string;
  readonly outcome: string;
  readonly durationMs: number;
  readonly note?: string | null | undefined;
}

const WENT_WRONG = new Set(['failed', 'rollback_failed', 'error']);
const NOT_KNOWN = new Set(['needs_operator', 'errored', 'inconclusive', 'unverified', 'lost']);
/** Steps that want the target to refuse: a random wrong value, and a value that has ended. */
const WANTS_REFUSAL = /^(check-path|clear-slot)$|-refused$/;

function mark(paint: Paint, { name, outcome }: Step): string {
  if (outcome === 'skipped') return paint.dim('○');
  if (NOT_KNOWN.has(outcome)) return paint.yellow('!');
  const isGood = !WENT_WRONG.has(outcome) && (outcome !== 'refused' || WANTS_REFUSAL.test(name));
  return isGood ? paint.green('✓') : paint.red('✗');
}

/**
 * One step as one line: `  ✓ probe new         accepted        12 ms`, with its note behind it.
 * @param columns the note is cut where the line would be longer
 */
export function stepLine(paint: Paint, step: Step, columns = Infinity): string {
  const name = step.name.replaceAll(/[-_]/g, ' ').padEnd(20);
  const facts = `${name} ${step.outcome.padEnd(13)} `;
  const duration = formatDuration(step.durationMs).padStart(9);
  const room = columns - 4 - facts.length - duration.length - 2;
  const note = cut(step.note ?? '', room);
  return `  ${mark(paint, step)} ${facts}${paint.dim(duration)}${note && `  ${paint.dim(note)}`}`;
}

/** Too little room for anything that could be understood: nothing. */
function cut(text: string, room: number): string {
  if (text.length <= room) return text;
  return room < 12 ? '' : `${text.slice(0, room - 1)}…`;
}

/** What the target answers to each version, in words; empty when nothing was probed. */
export const knownWords = (known: RotationView['known']): string =>
  Object.entries(known)
    .map(([version, verdict]) => `${version} ${verdict}`)
    .join(', ');

const STATE_MARKS: Readonly<Partial<Record<RotationView['state'], string>>> = {
  completed: '✓',
  rolled_back: '↩',
  failed: '✗',
  rollback_failed: '✗',
  needs_operator: '!',
};

export const stateWords = (paint: Paint, { state, error, queuedBehind }: RotationView): string => {
  if (error?.code === 'cancelled') return paint.yellow('○ cancelled');
  if (queuedBehind) return paint.yellow(`… queued behind ${queuedBehind.id}`);
  const words = `${STATE_MARKS[state] ?? '…'} ${state}`;
  if (state === 'completed' || state === 'rolled_back') return paint.green(words);
  if (state === 'failed' || state === 'rollback_failed') return paint.red(words);
  return paint.yellow(words);
};

/** "Waiting for the grace period of 1h." behind a word that says so already: "for the grace period of 1h". */
export const withoutWait = (reason: string): string => reason.replace(/^Waiting /, '').replace(/\.$/, '');

const TOLD_WORDS: Record<RotationView['told'][number]['kind'], string> = {
  rollback: 'Rolled back by',
  resume: 'Resumed by',
  clear: 'Cleared by',
};
const toldPair = ({ kind, actor, reason, at }: RotationView['told'][number]): [string, string] => [
  TOLD_WORDS[kind],
  `${actor.name} at ${timestamp(at)} UTC: ${reason}`,
];

/** Everything about one rotation, for `rotation show`. */
export function rotationBlock(paint: Paint, rotation: RotationView): string {
  const by = `${rotation.requestedBy.name} (${rotation.requestedBy.kind.replace('_', ' ')})`;
  const pairs: [string, string][] = [
    ['Rotation', rotation.id],
    ['Service', `${rotation.service} in ${rotation.environment}`],
    ['Strategy', rotation.strategy],
    ['State', stateWords(paint, rotation)],
    ['Requested by', by],
    ['Reason', rotation.reason ?? '-'],
    ...rotation.told.map(toldPair),
    ['Old version', rotation.previousVersion ?? '-'],
    ['New version', rotation.newVersion ?? '-'],
    ['Target', knownWords(rotation.known) || '-'],
    ['Started', `${timestamp(rotation.startedAt)} UTC`],
    ['Ended', rotation.endedAt === null ? '-' : `${timestamp(rotation.endedAt)} UTC`],
    ['Duration', formatDuration(rotation.durationMs)],
  ];
  const { waitsFor } = rotation;
  if (waitsFor) pairs.push(['Waits', `${withoutWait(waitsFor.reason)}, until ${timestamp(waitsFor.until)} UTC`]);
  else if (rotation.wakeAt !== null && rotation.endedAt === null)
    pairs.push(['Looks again', `${timestamp(rotation.wakeAt)} UTC`]);
  const lines = [fields(paint, pairs)];
  if (rotation.held) lines.push('', ...heldLines(paint, rotation.held));
  if (rotation.steps.length > 0) lines.push('', ...rotation.steps.map((step) => stepLine(paint, step)));
  if (rotation.error !== null) {
    lines.push('', `${paint.red('Error:')} ${rotation.error.message}`);
    if (rotation.error.remedy !== null) lines.push(`${paint.dim('→')} ${rotation.error.remedy}`);
  }
  return lines.join('\n');
}
