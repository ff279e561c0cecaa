import type { RotationView } from '@dsops/contracts/rotation/api';
import { TERMINAL_STATES } from '@dsops/contracts/rotation/states';
import { formatDuration } from '@dsops/kernel';
import { EXIT, EXIT_BY_SUBJECT } from '../../failure.js';
import { knownWords, withoutWait } from './rotation.js';
import type { Paint } from '../../output/terminal.js';
import { timestamp, until } from '../../output/time.js';

/** What a rotation that was followed has come to. */
export interface End {
  readonly words: (paint: Paint) => string;
  /** What to do next, one sentence each. */
  readonly advice: readonly string[];
}

/** What the person wanted. A rollback turns the very rotation back that is under way. */
export type Aim = 'rotate' | 'rollback';

const GOOD_END: Record<Aim, RotationView['state']> = { rotate: 'completed', rollback: 'rolled_back' };

export function exitCodeOfRotation(rotation: RotationView, aim: Aim = 'rotate'): number {
  const { state, error } = rotation;
  if (state === GOOD_END[aim]) return EXIT.ok;
  if (state === 'failed' && error?.about) return EXIT_BY_SUBJECT[error.about];
  // Whoever wanted to go back is not there yet.
  if (aim === 'rollback') return EXIT.rotation;
  // Asleep, in a grace period for example, with all that could be done now done.
  if (!TERMINAL_STATES.includes(state) && state !== 'needs_operator') return EXIT.ok;
  return EXIT.rotation;
}

export function endOf(rotation: RotationView, now: Date, aim: Aim = 'rotate'): End {
  const { service, state, error } = rotation;
  const remedy = error?.remedy ? [error.remedy] : [];
  const known = knownWords(rotation.known);
  const facts = (paint: Paint, lines: readonly (string | false | null)[]) =>
    lines
      .filter((line) => line !== false && line !== null)
      .map((line) => `\n  ${paint.dim(line)}`)
      .join('');
  const cause = error ? `: ${error.message}` : '';
  const target = known !== '' && `target: ${known}`;
  const took = `took ${formatDuration(rotation.durationMs)}`;

  if (state === 'completed' && aim === 'rollback')
    return {
      words: (paint) =>
        `${paint.red('✗')} ${service}: it was too late to roll back, the old value had ended` + facts(paint, [target]),
      advice: ['Rotate again to get another value: dsops rotation rotate ' + service],
    };
  if (state === 'completed')
    return {
      words: (paint) =>
        `${paint.green('✓')} ${service} (rotated at ${timestamp(rotation.endedAt ?? now.toISOString())})` +
        facts(paint, [
          `version ${rotation.newVersion ?? '-'} is CURRENT, ${took}`,
          rotation.previousVersion !== null && `version ${rotation.previousVersion} is refused by the target`,
        ]),
      advice: [],
    };
  if (state === 'rolled_back' && aim === 'rollback')
    return {
      words: (paint) =>
        [
          paint.green('Rollback completed successfully'),
          `  Service:    ${service}`,
          `  Version:    ${rotation.previousVersion ?? '-'}`,
          ...(known === '' ? [] : [`  Target:     ${known}`]),
          `  Duration:   ${formatDuration(rotation.durationMs)}`,
        ].join('\n'),
      advice: [],
    };
  if (state === 'rolled_back')
    return {
      words: (paint) =>
        `${paint.red('✗')} ${service}: rolled back${cause}` +
        facts(paint, [`version ${rotation.previousVersion ?? '-'} is CURRENT again, ${took}`, target]),
      advice: remedy,
    };
  if (error?.code === 'cancelled')
    return {
      words: (paint) => `${paint.red('✗')} ${service}: cancelled while it was queued` + facts(paint, [error.message]),
      advice: [`Rotate all the same: dsops rotation rotate ${service}`],
    };
  if (state === 'failed' || state === 'rollback_failed')
    return {
      words: (paint) =>
        `${paint.red('✗')} ${service}: ${state === 'failed' ? 'failed' : 'the rollback failed'}${cause}` +
        facts(paint, [rotation.previousVersion !== null && `old version ${rotation.previousVersion}`, target]),
      advice: [...remedy, `Details: dsops rotation show ${rotation.id}`],
    };
  if (state === 'needs_operator')
    return {
      words: (paint) => `${paint.yellow('!')} ${service}: needs an operator${cause}` + facts(paint, [target]),
      advice: [
        ...remedy,
        `When you have looked: dsops rotation resume ${rotation.id} --reason "…"`,
        `Details: dsops rotation show ${rotation.id}`,
      ],
    };
  const { queuedBehind } = rotation;
  const latest = until(rotation.waitsFor?.until ?? rotation.wakeAt, now);
  if (queuedBehind)
    return {
      words: (paint) =>
        `${paint.yellow('…')} ${service}: queued behind rotation ${queuedBehind.id}, which is ${queuedBehind.state.replaceAll('_', ' ')}` +
        facts(paint, [
          rotation.waitsFor && withoutWait(rotation.waitsFor.reason),
          'it begins by itself when that one has ended',
        ]),
      advice: [`Follow it: dsops rotation show ${rotation.id} --watch`],
    };
  if (aim === 'rollback')
    return {
      words: (paint) =>
        `${paint.yellow('…')} ${service}: not back yet` +
        facts(paint, [
          rotation.waitsFor && withoutWait(rotation.waitsFor.reason),
          `it goes on by itself ${latest}${rotation.waitsFor ? ' at the latest' : ''}`,
          target,
        ]),
      advice: [`Follow it to the end: dsops rotation show ${rotation.id} --watch`],
    };
  return {
    words: (paint) =>
      `${paint.green('✓')} ${service}: version ${rotation.newVersion ?? '-'} is out, and the rotation now waits` +
      facts(paint, [
        rotation.waitsFor && withoutWait(rotation.waitsFor.reason),
        `it goes on by itself ${latest}${rotation.waitsFor ? ' at the latest' : ''}`,
        target,
      ]),
    advice: [
      ...(rotation.waitsFor?.reason.includes('check-out')
        ? ['Not in use any more? dsops secret release CHECK-OUT']
        : []),
      ...(rotation.held?.consumers
        ? [`Nobody uses ${rotation.held.login} any more? dsops rotation clear ${service} --env ${rotation.environment}`]
        : []),
      `Follow it to the end: dsops rotation show ${rotation.id} --watch`,
    ],
  };
}
