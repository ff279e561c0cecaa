import type { Plan } from './plan.js';

/**
 * The steps of every path. A path is walked from its first to its last row; a row that does not apply is journalled
 * `skipped` with the reason. A rotation goes forward on the path of its plan's shape; the others lead back.
 *
 * ```
 * side-by-side ── set refused, or fails before ────────▶ failed
 *     │ ──── new value refused before promote ─────────▶ side-by-side-undo   ──▶ rolled_back
 *     │ ──── going back after promote ─────────────────▶ side-by-side-return ──▶ rolled_back, then the new value ends
 *     └ ──── retire intended: no way back any more ────▶ completed
 * in-place     ── set refused, or fails before ────────▶ failed
 *     │ ──── new value refused, or a person wants it ──▶ in-place-undo ──▶ rolled_back | rollback_failed
 *     └ ───────────────────────────────────────────────▶ completed
 * ```
 */
export const PATHS = {
  'side-by-side': [
    'check-path',
    'probe-old',
    'clear-slot',
    'generate',
    'set',
    'probe-new',
    'rollout',
    'promote',
    'publish',
    'monitor',
    'grace',
    'retire-old',
    'probe-old-refused',
    'complete',
  ],
  'in-place': [
    'check-path',
    'probe-old',
    'generate',
    'set',
    'probe-new',
    'promote',
    'publish',
    'monitor',
    'probe-old-refused',
    'complete',
  ],
  'side-by-side-undo': ['probe-old', 'retire-new', 'probe-new-refused', 'rolled-back'],
  'side-by-side-return': [
    'probe-old',
    'labels-back',
    'publish',
    'rolled-back',
    'retire-new',
    'probe-new-refused',
    'settle',
  ],
  'in-place-undo': ['set-back', 'probe-old', 'labels-back', 'publish', 'probe-new-refused', 'rolled-back'],
} as const satisfies Record<string, readonly string[]>;

export type PathName = keyof typeof PATHS;
export type StepName = (typeof PATHS)[PathName][number];

/** What a step does, for people: the rows of a plan and of `--dry-run`. */
export const STEPS: Record<StepName, string> = {
  'check-path': 'Try a random wrong password: the target must refuse it, else no probe proves anything',
  'probe-old': 'Log in with the value that is CURRENT: it must work before anything changes',
  'clear-slot': 'End the value that an earlier rotation left in the slot, and see it refused',
  generate: 'Generate the new value and seal it, before the target hears of it',
  set: 'Set the new value at the target, once, on a session that can be ended',
  'probe-new': 'Log in with the new value and run the verification query',
  rollout: 'Hand the new value to the instances that use it',
  promote: 'Move CURRENT to the new version, by compare-and-set',
  publish: 'Read CURRENT back from the store',
  monitor: 'Watch the health of what uses the new value',
  grace: 'Wait for the grace period and for every check-out of the old value',
  'retire-old': 'End the old value by its recorded id, after the guard allowed it',
  'probe-old-refused': 'Log in with the old value: it must be refused',
  complete: 'Done: the new value is CURRENT and accepted, the old one is refused',
  'set-back': 'Set the old value back at the target',
  'labels-back': 'Move CURRENT back to the old version, by compare-and-set',
  'retire-new': 'End the new value by its recorded id',
  'probe-new-refused': 'Log in with the new value: it must be refused',
  'rolled-back': 'Back: the old value is CURRENT and accepted',
  settle: 'Nothing is left to do',
};

export interface StepLine {
  readonly name: StepName;
  readonly description: string;
}

/** The steps that this plan will take if all goes well, without those that have nothing to do. */
export function stepLines(plan: Pick<Plan, 'shape' | 'oldVersion' | 'occupant'>): StepLine[] {
  const hasNothingToDo: ReadonlySet<StepName> = new Set<StepName>([
    'rollout',
    'monitor',
    ...(plan.oldVersion ? [] : (['probe-old', 'grace', 'retire-old', 'probe-old-refused'] as const)),
    ...(plan.occupant && plan.oldVersion ? [] : (['clear-slot'] as const)),
  ]);
  return PATHS[plan.shape]
    .filter((name) => !hasNothingToDo.has(name))
    .map((name) => ({ name, description: STEPS[name] }));
}
