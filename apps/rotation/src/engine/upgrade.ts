import type { Shape, Strategy } from '@dsops/contracts/rotation/strategies';
import type { DriverFacts } from '@dsops/drivers/driver';
import type { Entry, Happening } from './journal.js';
import type { PathName } from './paths.js';
import { ENGINE_VERSION, type Plan, type VersionRef } from './plan.js';

/** Rotations that were begun by this version of the engine, or a later one, are taken over. */
export const OLDEST_ENGINE_VERSION = 1;

/** What version 1 froze in a plan: it asked the strategy what to do, and a slot was a login. */
interface PlanOfVersion1 extends Omit<
  Plan,
  'engineVersion' | 'shape' | 'newVersion' | 'oldVersion' | 'occupant' | 'verification' | NewInVersion3
> {
  readonly engineVersion: 1;
  readonly newVersion: RefOfVersion1;
  readonly oldVersion: RefOfVersion1 | null;
  readonly occupant: RefOfVersion1 | null;
  readonly verification: { readonly query: string; readonly timeoutMs: number };
  readonly facts: Omit<DriverFacts, 'evidence'>;
  /** Never read. */
  readonly owner: string | null;
}

type NewInVersion3 = 'consumers' | 'areHoldsHonoured' | 'facts';
/** What version 2 froze in a plan: it looked for no consumers. */
type PlanOfVersion2 = Omit<Plan, 'engineVersion' | NewInVersion3> & {
  readonly engineVersion: 2;
  readonly facts: Omit<DriverFacts, 'evidence'>;
};
type RefOfVersion1 = Omit<VersionRef, 'login'>;

const SHAPE_OF_VERSION_1: Readonly<Record<Strategy, Shape>> = { immediate: 'in-place', 'two-key': 'side-by-side' };

/** Its paths bore the names of the strategies. */
const PATH_OF_VERSION_1 = {
  'two-key': 'side-by-side',
  immediate: 'in-place',
  'two-key-undo': 'side-by-side-undo',
  'two-key-return': 'side-by-side-return',
  'immediate-undo': 'in-place-undo',
} as const satisfies Readonly<Record<string, PathName>>;
type PathOfVersion1 = keyof typeof PATH_OF_VERSION_1;

type Replace<T, K extends string, R> = T extends { readonly kind: K } ? Omit<T, keyof R> & R : T;

/** What was written, as any version that is taken over wrote it. */
export type StoredHappening = Replace<
  Replace<Happening, 'planned', { readonly plan: Plan | PlanOfVersion2 | PlanOfVersion1 }>,
  'turned',
  { readonly path: PathName | PathOfVersion1 }
>;
export type StoredEntry = { readonly seq: number; readonly atMs: number } & StoredHappening;

/**
 * An entry as this version would have written it. A journal is never rewritten, so that of a rotation which an earlier
 * version began has entries of both: each shows by itself which it is.
 */
export function upgraded(entry: StoredEntry): Entry {
  if (entry.kind === 'planned') return { ...entry, plan: planOf(entry.plan) };
  if (entry.kind !== 'turned') return entry;
  return { ...entry, path: isPathOfVersion1(entry.path) ? PATH_OF_VERSION_1[entry.path] : entry.path };
}

const isPathOfVersion1 = (path: PathName | PathOfVersion1): path is PathOfVersion1 => path in PATH_OF_VERSION_1;

function planOf(plan: Plan | PlanOfVersion2 | PlanOfVersion1): Plan {
  if (isOfVersion1(plan)) return planOf(version2Of(plan));
  if (!isOfVersion2(plan)) return plan;
  // It goes on as it was planned: without looking for others than those who check out.
  return {
    ...plan,
    engineVersion: ENGINE_VERSION,
    consumers: { kind: 'managed' },
    areHoldsHonoured: false,
    facts: { ...plan.facts, evidence: null },
  };
}
const isOfVersion1 = (plan: Plan | PlanOfVersion2 | PlanOfVersion1): plan is PlanOfVersion1 => plan.engineVersion === 1;
const isOfVersion2 = (plan: Plan | PlanOfVersion2): plan is PlanOfVersion2 => plan.engineVersion === 2;

function version2Of({ owner: _, ...plan }: PlanOfVersion1): PlanOfVersion2 {
  const { strategy, newVersion, oldVersion, occupant, verification } = plan;
  return {
    ...plan,
    engineVersion: 2,
    shape: SHAPE_OF_VERSION_1[strategy],
    facts: factsOf(plan.facts),
    newVersion: refOf(newVersion),
    oldVersion: oldVersion && refOf(oldVersion),
    occupant: occupant && refOf(occupant),
    verification: { check: { query: verification.query }, timeoutMs: verification.timeoutMs },
  };
}

/** Where it was a login, a slot bore its name. */
const refOf = (ref: RefOfVersion1): VersionRef => ({ ...ref, login: ref.slot });

/** Without those that nothing ever read. */
const factsOf = ({
  abandonment,
  propagationMs,
  lockout,
  refusesOldValues,
}: Omit<DriverFacts, 'evidence'>): Omit<DriverFacts, 'evidence'> => ({
  abandonment,
  propagationMs,
  lockout,
  refusesOldValues,
});
