import type { Verdict } from '@dsops/contracts/rotation/states';
import { journal, type Effect, type RotationError } from './journal.js';
import { askPerson, failed } from './patience.js';
import type { PathName } from './paths.js';
import type { Plan } from './plan.js';
import type { Rotation } from './rotation.js';
import type { View } from './view.js';

/** Is there a way back once the new value was set? An instance fact, found when the plan is made. */
export const isReversible = (plan: Pick<Plan, 'shape' | 'oldVersion' | 'facts'>): boolean =>
  plan.oldVersion !== null && (plan.shape === 'side-by-side' || !plan.facts.refusesOldValues);

/** May a rollback be asked for now? From the journalled retire intent on, only a new rotation helps. */
export type RollbackAnswer = 'possible' | 'already-going-back' | 'ended' | 'retire-intended' | 'no-way-back';
export function canRollBack(rotation: Rotation): RollbackAnswer {
  if (rotation.conclusion) return 'ended';
  if (rotation.turn || rotation.request) return 'already-going-back';
  // In one slot there is no retire; there the way back closes when the old value is on record as refused.
  if (rotation.isRetireIntended || rotation.done.includes('probe-old-refused')) return 'retire-intended';
  return hasWayBack(rotation) ? 'possible' : 'no-way-back';
}

/** The plan has one, or there is nothing to set back because the target still has the old value. */
export function hasWayBack({ plan, known }: Rotation): boolean {
  const { oldVersion, newVersion } = plan;
  if (isReversible(plan)) return true;
  return oldVersion !== null && known[oldVersion.id] === 'accepted' && isRefused(known[newVersion.id]);
}

/** Of no use to the application, whether the login or the query behind it says so. */
/** Of no use to anybody: the target refuses it, or its verification. */
export const isRefused = (verdict: Verdict | undefined): boolean => verdict === 'refused' || verdict === 'unverified';

/** The path that leads back from here. */
export const wayBack = ({ plan, current }: Rotation): PathName =>
  plan.shape === 'in-place' ? 'in-place-undo' : current === 'new' ? 'side-by-side-return' : 'side-by-side-undo';

/** The new value does not do. Go back if that is possible and wanted, else a person decides. */
export function turnBack({ rotation }: View, error: RotationError): Effect {
  const { plan, newValue } = rotation;
  if (newValue === 'absent') return failed(error);
  if (!plan.isRollbackAutomatic)
    return askPerson({
      ...error,
      remedy: 'Roll back, or put the target right and resume; automatic rollback is switched off for this service.',
    });
  if (!hasWayBack(rotation))
    return askPerson({ ...error, remedy: 'The target takes no old value back: put it right, then resume.' });
  return journal({ kind: 'turned', path: wayBack(rotation), trigger: 'automatic', error });
}
