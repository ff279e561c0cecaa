import { bring, MOST_SENDS, type Command } from './attempt.js';
import type { Waiver } from './guard.js';
import { awaitRelease, type Ending } from './release.js';
import {
  BOTH_REFUSED,
  currentRefused,
  FOREIGN_EDIT,
  NEW_REFUSED,
  NOTHING_BEFORE_REFUSED,
  NOTHING_BEFORE_UNVERIFIED,
  NOT_LANDED,
  OLD_REFUSED,
  passing,
  refusalOf,
  STILL_ACCEPTED,
  UNVERIFIED_BEFORE,
  VERIFICATION_FAILED,
} from './causes.js';
import { ACCEPTS_ANYTHING, see, seeControl } from './evidence.js';
import { isEffect, journal, type Effect } from './journal.js';
import { again, askPerson, failed } from './patience.js';
import type { View } from './view.js';
import { isRefused, turnBack } from './way-back.js';
import type { Plan, VersionRef } from './plan.js';
import type { StepName } from './paths.js';
import { nextStep, type Rotation } from './rotation.js';

type Step = (view: View) => Effect;

const finish =
  (step: StepName, outcome = 'done', note: string | null = null, ends: string | null = null): Step =>
  () =>
    journal({ kind: 'step', step, outcome, note, ends });
const skip = (step: StepName, note: string, view: View): Effect => finish(step, 'skipped', note)(view);

/** What the new value is set on: an idle slot, or in place, which ends what lives there. */
function settingNew(plan: Plan): Command {
  const { shape, newVersion, oldVersion, occupant } = plan;
  const replacing = (version: VersionRef, waiver: Waiver): Command['ending'] => ({
    version,
    recorded: version,
    replacement: { version: newVersion, provenBy: 'admin-path' },
    waiver,
  });
  const common = { do: 'set', version: newVersion, subject: 'new' } as const;
  if (!oldVersion) return { ...common, ending: occupant && replacing(occupant, NEVER_CURRENT), other: null };
  return shape === 'side-by-side'
    ? { ...common, ending: null, other: null }
    : { ...common, ending: replacing(oldVersion, inPlace(plan)), other: { version: oldVersion, subject: 'old' } };
}

const retiring = (
  version: VersionRef,
  subject: Command['subject'],
  replacement: VersionRef,
  waiver: Waiver | null,
): Command => ({
  do: 'retire',
  version,
  subject,
  ending: { version, recorded: version, replacement: { version: replacement, provenBy: 'probe' }, waiver },
  other: null,
});

/** The way back was refused or lost. Twice more, then what the target accepts is looked up and people are called. */
function retryOrGiveUp(view: View, state: 'refused' | 'did-not-land'): Effect {
  const { rotation } = view;
  const cause = state === 'refused' ? refusalOf(view.rotation) : NOT_LANDED;
  if (state === 'refused' && (rotation.change?.sends ?? 0) < MOST_SENDS) return again(view, passing(cause));
  if (rotation.conclusion) return journal({ kind: 'settled' });
  const { newVersion, oldVersion } = rotation.plan;
  const seen = [see(view, 'new', newVersion), ...(oldVersion ? [see(view, 'old', oldVersion)] : [])];
  return seen.find(isEffect) ?? journal({ kind: 'concluded', state: 'rollback_failed', error: cause });
}

/**
 * The target has the new value, it does not do, and there is none before it to go back to. So it has not failed as if
 * nothing had changed: it is looked at again, and then a person is asked, who may keep it as it is or give it up.
 */
function withoutOldValue(view: View, seen: 'refused' | 'unverified'): Effect {
  const { rotation } = view;
  if (rotation.newValue === 'absent') return turnBack(view, seen === 'refused' ? NEW_REFUSED : VERIFICATION_FAILED);
  const cause = seen === 'refused' ? NOTHING_BEFORE_REFUSED : NOTHING_BEFORE_UNVERIFIED;
  if (!rotation.judged.includes(cause.code)) return again(view, cause);
  return seen === 'refused' ? failed(NEW_REFUSED) : finish('probe-new', 'unverified')(view);
}

/** A person has kept a value whose login works, though its verification query fails. */
const isKeptUnverified = ({ steps }: Rotation): boolean =>
  steps.some(({ name, outcome }) => name === 'probe-new' && outcome === 'unverified');

const STRATEGY: Waiver = { kind: 'strategy', reason: 'The strategy replaces the value in place.' };
const NEVER_CURRENT: Waiver = {
  kind: 'never-current',
  reason: 'The value in the slot was never given out as CURRENT.',
};
const ONCE: Waiver = { kind: 'strategy-once', reason: 'This once the value is replaced in place.' };
const ROLLBACK: Waiver = { kind: 'rollback', reason: 'Going back waits for no grace period.' };
const FAILED: Waiver = { kind: 'failed', reason: 'The target refuses the value, or what verifies it.' };

const inPlace = ({ areHoldsHonoured }: Plan): Waiver => (areHoldsHonoured ? ONCE : STRATEGY);

/** On the way back: a value that nobody could use is not waited for, any other one is. */
function endingNew({ plan, path, turn, known }: Rotation): Waiver {
  if (path === 'side-by-side-undo') return NEVER_CURRENT;
  if (turn?.trigger === 'automatic' || isRefused(known[plan.newVersion.id])) return FAILED;
  return plan.shape === 'in-place' ? inPlace(plan) : ROLLBACK;
}

const ofOld = ({ plan: { oldVersion, newVersion } }: Rotation): Ending | null =>
  oldVersion && { version: oldVersion, replacement: { version: newVersion }, waiver: null };
const ofNew = (rotation: Rotation): Ending | null => {
  const { oldVersion, newVersion } = rotation.plan;
  return oldVersion && { version: newVersion, replacement: { version: oldVersion }, waiver: endingNew(rotation) };
};
const ENDS: Readonly<Partial<Record<StepName, (rotation: Rotation) => Ending | null>>> = {
  'clear-slot': ({ plan: { occupant, oldVersion } }) =>
    occupant && oldVersion && { version: occupant, replacement: { version: oldVersion }, waiver: ROLLBACK },
  set: ({ plan }) => settingNew(plan).ending,
  grace: ofOld,
  'retire-old': ofOld,
  'probe-old-refused': ofOld,
  'set-back': ofNew,
  'retire-new': ofNew,
};

/** What the present step ends, or waits to end; null at all others. */
export function endingAt(rotation: Rotation): Ending | null {
  const step = nextStep(rotation);
  return (step && ENDS[step]?.(rotation)) ?? null;
}

/** What each step wants next, seen from the evidence alone. Called again until it says that the step is finished. */
export const STEP: Record<StepName, Step> = {
  'check-path': (view) => {
    const seen = seeControl(view, view.rotation.plan.newVersion.slot);
    if (isEffect(seen)) return seen;
    return seen === 'refused'
      ? finish('check-path', 'refused', 'A random wrong value is refused, so that logins prove something.')(view)
      : failed(ACCEPTS_ANYTHING);
  },

  'probe-old': (view) => {
    const { plan, turn, judged } = view.rotation;
    if (!plan.oldVersion) return skip('probe-old', 'There is no CURRENT yet.', view);
    const seen = see(view, 'old', plan.oldVersion);
    if (isEffect(seen)) return seen;
    if (seen === 'accepted') return finish('probe-old', 'accepted')(view);
    if (!turn) return failed(seen === 'refused' ? currentRefused(plan.oldVersion.slot) : UNVERIFIED_BEFORE);
    // Going back to a value that only fails its query is no way back, but it is what there was before.
    if (seen === 'unverified' && judged.includes(OLD_REFUSED.code)) return finish('probe-old', 'unverified')(view);
    return again(view, OLD_REFUSED);
  },

  'clear-slot': (view) => {
    const { occupant, oldVersion } = view.rotation.plan;
    if (!occupant || !oldVersion) return skip('clear-slot', 'The slot is idle.', view);
    const state = bring(view, retiring(occupant, 'occupant', oldVersion, ROLLBACK));
    if (isEffect(state)) return state;
    if (state === 'refused') return failed(refusalOf(view.rotation));
    if (state === 'did-not-land') return failed(NOT_LANDED);
    const seen = see(view, 'occupant', occupant);
    if (isEffect(seen)) return seen;
    return seen === 'refused'
      ? finish('clear-slot', 'refused', `${occupant.name} has ended.`, occupant.id)(view)
      : again(view, STILL_ACCEPTED);
  },

  generate: (view) => (view.rotation.isGenerated ? finish('generate')(view) : { do: 'generate' }),

  set: (view) => {
    const { plan, change } = view.rotation;
    const isSettled = change === null || change.outcome === 'not-landed';
    if (isSettled && plan.shape === 'in-place' && plan.oldVersion) {
      // Setting in place ends what lives there: it has to be what the records say, up to the last moment.
      const seen = see(view, 'old', plan.oldVersion);
      if (isEffect(seen)) return seen;
      if (seen === 'refused') return failed(currentRefused(plan.oldVersion.slot));
    }
    const state = bring(view, settingNew(plan));
    if (isEffect(state)) return state;
    if (state === 'landed') return finish('set')(view);
    return failed(state === 'refused' ? refusalOf(view.rotation) : NOT_LANDED);
  },

  'probe-new': (view) => {
    const { newVersion, oldVersion } = view.rotation.plan;
    const seen = see(view, 'new', newVersion);
    if (isEffect(seen)) return seen;
    if (seen === 'accepted') return finish('probe-new', 'accepted')(view);
    if (!oldVersion) return withoutOldValue(view, seen);
    if (seen === 'unverified') return turnBack(view, VERIFICATION_FAILED);
    const oldSeen = see(view, 'old', oldVersion);
    if (isEffect(oldSeen)) return oldSeen;
    return oldSeen === 'refused' ? again(view, BOTH_REFUSED) : turnBack(view, NEW_REFUSED);
  },

  rollout: finish('rollout', 'skipped', 'No instances are configured.'),

  promote: (view) => {
    const { plan, current } = view.rotation;
    if (current === 'new') return finish('promote')(view);
    return { do: 'move-labels', to: 'new', from: plan.oldVersion?.id ?? null, versionId: plan.newVersion.id };
  },

  publish: (view) => {
    const { plan, current, publishedAtMs } = view.rotation;
    const version = current === 'new' ? plan.newVersion : plan.oldVersion;
    if (!version) return skip('publish', 'There is no CURRENT.', view);
    return publishedAtMs === null ? { do: 'publish', versionId: version.id } : finish('publish')(view);
  },

  monitor: finish('monitor', 'skipped', 'No health checks are configured.'),

  grace: (view) => {
    const ending = endingAt(view.rotation);
    if (!ending) return skip('grace', 'There is no old value.', view);
    return awaitRelease(view, ending) ?? finish('grace')(view);
  },

  'retire-old': (view) => {
    const { rotation } = view;
    const { newVersion, oldVersion } = rotation.plan;
    if (!oldVersion) return skip('retire-old', 'There is no old value.', view);
    if (!rotation.isRetireIntended) {
      const seen = see(view, 'old', oldVersion);
      if (isEffect(seen)) return seen;
      // A value that is not in our records is ended only when a person says so.
      if (seen === 'refused' && !rotation.judged.includes(FOREIGN_EDIT.code)) return askPerson(FOREIGN_EDIT);
      const newSeen = see(view, 'new', newVersion);
      if (isEffect(newSeen)) return newSeen;
      // The last moment at which there is a way back, and the old value is the one that works.
      if (newSeen !== 'accepted' && seen === 'accepted')
        return turnBack(view, newSeen === 'refused' ? NEW_REFUSED : VERIFICATION_FAILED);
    }
    const state = bring(view, retiring(oldVersion, 'old', newVersion, null));
    if (isEffect(state)) return state;
    if (state === 'landed') return finish('retire-old')(view);
    return again(view, passing(state === 'refused' ? refusalOf(view.rotation) : NOT_LANDED));
  },

  'probe-old-refused': (view) => {
    const { shape, oldVersion, newVersion } = view.rotation.plan;
    if (!oldVersion) return skip('probe-old-refused', 'There is no old value.', view);
    const seen = see(view, 'old', oldVersion);
    if (isEffect(seen)) return seen;
    if (seen === 'refused')
      return finish('probe-old-refused', 'refused', `${oldVersion.name} has ended.`, oldVersion.id)(view);
    if (shape === 'in-place') {
      const newSeen = see(view, 'new', newVersion);
      if (isEffect(newSeen)) return newSeen;
      if (newSeen === 'refused') return turnBack(view, NEW_REFUSED);
    }
    // Somebody gave it life again. A person who resumes wants it ended.
    if (shape === 'side-by-side' && view.rotation.judged.includes(STILL_ACCEPTED.code)) {
      const state = bring(view, retiring(oldVersion, 'old', newVersion, null));
      if (isEffect(state)) return state;
    }
    return again(view, STILL_ACCEPTED);
  },

  complete: (view) => {
    const seen = see(view, 'new', view.rotation.plan.newVersion);
    if (isEffect(seen)) return seen;
    if (seen === 'refused') return again(view, passing(NEW_REFUSED));
    if (seen === 'unverified' && !isKeptUnverified(view.rotation)) return again(view, passing(VERIFICATION_FAILED));
    return journal({ kind: 'concluded', state: 'completed', error: null });
  },

  'set-back': (view) => {
    const { rotation } = view;
    const { newVersion, oldVersion } = rotation.plan;
    if (!oldVersion || rotation.newValue === 'absent') return skip('set-back', 'The new value never landed.', view);
    if (!rotation.change && !rotation.judged.includes(BOTH_REFUSED.code)) {
      const seen = see(view, 'new', newVersion);
      if (isEffect(seen)) return seen;
      if (seen === 'refused') {
        const oldSeen = see(view, 'old', oldVersion);
        if (isEffect(oldSeen)) return oldSeen;
        if (oldSeen === 'refused') return again(view, BOTH_REFUSED);
        return skip('set-back', 'The target accepts the old value and refuses the new one.', view);
      }
    }
    const state = bring(view, {
      do: 'set',
      version: oldVersion,
      subject: 'old',
      ending: {
        version: newVersion,
        recorded: newVersion,
        replacement: { version: oldVersion, provenBy: 'admin-path' },
        waiver: endingNew(rotation),
      },
      other: { version: newVersion, subject: 'new' },
    });
    if (isEffect(state)) return state;
    return state === 'landed' ? finish('set-back')(view) : retryOrGiveUp(view, state);
  },

  'labels-back': (view) => {
    const { plan, current } = view.rotation;
    if (current === 'old' || !plan.oldVersion) return finish('labels-back')(view);
    const seen = see(view, 'old', plan.oldVersion);
    if (isEffect(seen)) return seen;
    if (seen === 'refused') return again(view, OLD_REFUSED);
    return { do: 'move-labels', to: 'old', from: plan.newVersion.id, versionId: plan.oldVersion.id };
  },

  'retire-new': (view) => {
    const { rotation } = view;
    const { newVersion, oldVersion } = rotation.plan;
    if (!oldVersion || rotation.newValue === 'absent') return skip('retire-new', 'The new value never landed.', view);
    const state = bring(view, retiring(newVersion, 'new', oldVersion, endingNew(rotation)));
    if (isEffect(state)) return state;
    return state === 'landed' ? finish('retire-new')(view) : retryOrGiveUp(view, state);
  },

  'probe-new-refused': (view) => {
    const { plan, newValue, isGenerated } = view.rotation;
    const { newVersion } = plan;
    if (newValue === 'absent')
      return finish(
        'probe-new-refused',
        'skipped',
        'The new value never landed.',
        isGenerated ? newVersion.id : null,
      )(view);
    const seen = see(view, 'new', newVersion);
    if (isEffect(seen)) return seen;
    return seen === 'refused'
      ? finish('probe-new-refused', 'refused', `${newVersion.name} has ended.`, newVersion.id)(view)
      : again(view, STILL_ACCEPTED);
  },

  'rolled-back': (view) => {
    const { plan, turn } = view.rotation;
    if (!plan.oldVersion) throw new TypeError('Without an old version there is no way back.');
    const seen = see(view, 'old', plan.oldVersion);
    if (isEffect(seen)) return seen;
    if (seen === 'refused') return again(view, OLD_REFUSED);
    return journal({ kind: 'concluded', state: 'rolled_back', error: turn?.error ?? null });
  },

  settle: () => journal({ kind: 'settled' }),
};
