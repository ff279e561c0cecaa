import { withoutOldProofs } from './fold.js';
import { settleAttempt } from './attempt.js';
import { journal, wait, type Effect, type Happening } from './journal.js';
import { again, askPerson, LONGEST_DELAY_WHEN_ASKING_MS } from './patience.js';
import { nextStep, type Rotation } from './rotation.js';
import type { Observation, View } from './view.js';
import { canRollBack, wayBack } from './way-back.js';
import { STEP } from './steps.js';

/**
 * The one next effect of a rotation, or null: it is settled, or only a person lets it go on. Pure: the same journal,
 * observation and time give the same effect, so any worker can go on from any entry.
 *
 * What comes first, in this order: an effect whose worker vanished; mode `restored`; what just failed; a wait; an
 * attempt that could still land; a rollback that a person asked for; then the next step of the path.
 *
 * @param nowMs the database's time, milliseconds since 1970
 */
export function decide(rotation: Rotation, observation: Observation, nowMs: number): Effect | null {
  const effect = onward({ rotation: withoutOldProofs(rotation, nowMs), observation, nowMs });
  const isAsking = rotation.asking && !rotation.asking.byPerson;
  return isAsking && effect && isConclusive(effect) ? journal({ kind: 'resumed', by: 'probe' }) : effect;
}

function onward(view: View): Effect | null {
  const { rotation, observation, nowMs } = view;
  if (rotation.isSettled) return null;
  if (rotation.inFlight) return journal({ kind: 'abandoned' });
  if (observation.isRestored) return rotation.asking?.code === RESTORED.code ? null : askPerson(RESTORED);
  if (rotation.asking?.byPerson) return null;
  if (rotation.failure) return again(view, rotation.failure);
  // A wait longer than any that we ask for means that the clock was set back.
  const waitMs = rotation.nextTryAtMs - nowMs;
  if (waitMs > 0 && waitMs <= LONGEST_DELAY_WHEN_ASKING_MS) return wait(rotation.nextTryAtMs);
  const attempt = settleAttempt(view);
  if (attempt) return attempt;
  const turn = turnOnRequest(rotation);
  if (turn) return turn;
  const step = nextStep(rotation);
  return step ? STEP[step](view) : journal({ kind: 'settled' });
}

function turnOnRequest(rotation: Rotation): Effect | null {
  if (!rotation.request) return null;
  const answer = canRollBack({ ...rotation, request: null });
  if (answer !== 'possible') return null;
  const { reason, actor } = rotation.request;
  const error = { code: 'rollback_requested', message: `${actor.name} asked to go back: ${reason}`, remedy: null };
  return journal({ kind: 'turned', path: wayBack(rotation), trigger: 'manual', error });
}

export const RESTORED = {
  code: 'restored',
  message: 'The database came back from a copy, so what the target has may be newer than what it knows.',
  remedy: 'Confirm that the former installation is off, then resume.',
};

/** Does this entry or command show that the doubt is over? Looking once more does not. */
const IS_CONCLUSIVE: Record<Happening['kind'], boolean> = {
  planned: false,
  intended: false,
  ended: false,
  abandoned: false,
  'attempt-over': false,
  'not-landed': true,
  generated: true,
  'labels-moved': true,
  'labels-differ': false,
  published: true,
  'publish-differs': false,
  'evidence-wanted': false,
  cleared: false,
  step: true,
  again: false,
  asked: false,
  resumed: false,
  waiting: false,
  'rollback-requested': false,
  turned: true,
  concluded: true,
  settled: true,
};

function isConclusive(effect: Effect): boolean {
  switch (effect.do) {
    case 'journal':
      return IS_CONCLUSIVE[effect.happening.kind];
    case 'probe':
    case 'open-session':
    case 'end-session':
    case 'sample':
    case 'wait':
      return false;
    case 'set':
    case 'retire':
    case 'generate':
    case 'move-labels':
    case 'publish':
      return true;
  }
}
