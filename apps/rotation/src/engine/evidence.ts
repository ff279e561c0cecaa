import { overAt, type ClockJump } from './clock-watch.js';
import { isFresh, type Held, type Proof } from './guard.js';
import type { Ask, Effect, Failure, Happening, RotationError, Subject } from './journal.js';
import type { VersionRef } from './plan.js';
import type { PathName } from './paths.js';
import { controlKey, hasWayBack, type Evidence, type Rotation } from './rotation.js';

/** What a worker sees at the moment of a decision. */
export interface Observation {
  /** `seq` of the session that this worker itself holds open, null when it holds none. */
  readonly heldSession: number | null;
  /** Check-outs that are neither released nor acknowledged, of every version of the credential. */
  readonly checkOuts: readonly Held[];
  /** Jumps of the database's clock that this process measured. */
  readonly jumps: readonly ClockJump[];
  /** Mode `restored`: nothing is set, revoked or retired until a person confirmed. */
  readonly isRestored: boolean;
}

export interface View {
  readonly rotation: Rotation;
  readonly observation: Observation;
  readonly nowMs: number;
}

/** `unverified`: the login works, the verification query does not. */
export type Seen = 'accepted' | 'refused' | 'unverified';

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
export const LONGEST_DELAY_WHEN_ASKING_MS = 300_000;
/** Before anything may have changed at the target, giving up early is the kind answer. */
const TRIES_WHEN_UNTOUCHED = 3;
const TRIES_BEFORE_ASKING = 5;

export const journal = (happening: Happening): Effect => ({ do: 'journal', happening });
export const wait = (untilMs: number): Effect => ({ do: 'wait', untilMs });
export const isEffect = <T extends string>(seen: T | Effect): seen is Effect => typeof seen !== 'string';

export const failed = (error: RotationError): Effect => journal({ kind: 'concluded', state: 'failed', error });

/** Has the target nothing of ours that this rotation brought or may still bring? */
export const isUntouched = ({ turn, newValue, session, isRetireIntended }: Rotation): boolean =>
  turn === null && newValue === 'absent' && session?.sentAtMs == null && !isRetireIntended;

/** It cannot be told now: look again later, longer each time; then give up if nothing was touched, else ask. */
export function again({ rotation, nowMs }: View, failure: Failure): Effect {
  const { tries, asking } = rotation;
  const { code, message, remedy } = failure;
  if (isUntouched(rotation) && (!failure.isPassing || tries + 1 >= TRIES_WHEN_UNTOUCHED))
    return failed({ code, message, remedy });
  const isTail = rotation.conclusion !== null;
  if (isTail && tries + 1 >= TRIES_BEFORE_ASKING && rotation.session === null) return journal({ kind: 'settled' });
  const longestMs = asking || isTail ? LONGEST_DELAY_WHEN_ASKING_MS : LONGEST_DELAY_MS;
  const untilMs = nowMs + Math.min(longestMs, FIRST_DELAY_MS * 2 ** Math.min(tries, 20));
  if (!asking && !isTail && tries + 1 >= TRIES_BEFORE_ASKING)
    return journal({ kind: 'asked', untilMs, ask: { code, message, remedy, byPerson: false } });
  return journal({ kind: 'again', untilMs, failure });
}

export const askPerson = (ask: Omit<Ask, 'byPerson'>): Effect =>
  journal({ kind: 'asked', untilMs: null, ask: { ...ask, byPerson: true } });

export const wayBack = ({ plan, current }: Rotation): PathName =>
  plan.shape === 'in-place' ? 'in-place-undo' : current === 'new' ? 'side-by-side-return' : 'side-by-side-undo';

/** The new value does not do. Go back if that is possible and wanted, else a person decides. */
export function turnBack({ rotation }: View, error: RotationError): Effect {
  const { plan, newValue } = rotation;
  if (newValue === 'absent' || plan.oldVersion === null) return failed(error);
  if (!plan.isRollbackAutomatic)
    return askPerson({
      ...error,
      remedy: 'Roll back, or put the target right and resume; automatic rollback is switched off for this service.',
    });
  if (!hasWayBack(rotation))
    return askPerson({ ...error, remedy: 'The target takes no old value back: put it right, then resume.' });
  return journal({ kind: 'turned', path: wayBack(rotation), trigger: 'automatic', error });
}

const UNCLEAR: Record<'errored' | 'inconclusive', (subject: string) => Failure> = {
  errored: (subject) => ({
    code: 'could_not_check',
    message: `Whether the target accepts ${subject} could not be checked.`,
    remedy: 'See that the target can be reached from here; dsops keeps trying.',
    isPassing: true,
  }),
  inconclusive: (subject) => ({
    code: 'inconclusive',
    message: `The target's answer to ${subject} proves nothing.`,
    remedy: 'See whether the login is locked or has expired at the target; dsops keeps trying.',
    isPassing: true,
  }),
};

const WORDS: Record<Subject, string> = {
  control: 'a random wrong value',
  new: 'the new value',
  old: 'the old value',
  occupant: 'the value left in the slot',
};

/**
 * What the target says to this login: from evidence if there is any that counts, else by a probe. `accepted` counts only
 * when a random wrong value had been refused on the slot shortly before. Within the propagation time an answer proves
 * nothing, with one exception: a value that never was at the target before, and is accepted.
 */
export function see(view: View, subject: Exclude<Subject, 'control'>, version: VersionRef): Seen | Effect {
  const { rotation, observation, nowMs } = view;
  const { slot, id: versionId } = version;
  const login: Effect = probe(view, subject, { slot, versionId });
  const change = rotation.changed[slot];
  const evidence = freshEvidence(view, versionId);
  if (!evidence) return change && change.live !== versionId ? login : (provePath(view, slot) ?? login);
  const { verdict, isVerification, atMs } = evidence;
  if (verdict === 'errored' || verdict === 'inconclusive') return again(view, UNCLEAR[verdict](WORDS[subject]));
  const isLogin = verdict === 'accepted' || isVerification;
  if (isLogin) {
    const path = provePath(view, slot);
    if (path) return path;
    if (atMs < (freshEvidence(view, controlKey(slot))?.atMs ?? nowMs)) return login;
  }
  const { propagationMs } = rotation.plan.facts;
  if (change && propagationMs > 0 && !(isLogin && subject === 'new')) {
    const spreadAtMs = overAt(change.atMs, change.atMs + propagationMs, observation.jumps);
    if (nowMs < spreadAtMs) return wait(spreadAtMs);
    if (atMs < spreadAtMs) return login;
  }
  return isVerification ? 'unverified' : verdict;
}

/** A random wrong value on this slot. Where it is accepted, nothing that is accepted proves anything. */
export function seeControl(view: View, slot: string): Exclude<Seen, 'unverified'> | Effect {
  const evidence = freshEvidence(view, controlKey(slot));
  if (!evidence) return probe(view, 'control', { slot, versionId: null });
  const { verdict, isVerification } = evidence;
  if (verdict === 'errored' || verdict === 'inconclusive') return again(view, UNCLEAR[verdict](WORDS.control));
  return isVerification ? 'accepted' : verdict;
}

/** Null once it is shown, and not long ago, that the slot refuses a random wrong value. */
export function provePath(view: View, slot: string): Effect | null {
  const seen = seeControl(view, slot);
  if (isEffect(seen)) return seen;
  return seen === 'refused' ? null : again(view, ACCEPTS_ANYTHING);
}

function freshEvidence({ rotation, nowMs }: View, key: string): Evidence | null {
  const evidence = rotation.evidence[key];
  return evidence && isFresh(evidence.atMs, nowMs) ? evidence : null;
}

interface Login {
  readonly slot: string;
  readonly versionId: string | null;
}

/** One login, unless wrong ones have used up what the target forgives. One is always left for the applications. */
function probe({ rotation, nowMs }: View, subject: Subject, { slot, versionId }: Login): Effect {
  const { lockout } = rotation.plan.facts;
  if (lockout) {
    const counted = rotation.wrongLogins
      .filter((login) => login.slot === slot && nowMs - login.atMs < lockout.windowMs)
      .sort((a, b) => a.atMs - b.atMs);
    const tooMany = counted[counted.length - (lockout.attempts - 1)];
    if (tooMany) return wait(tooMany.atMs + lockout.windowMs);
  }
  return { do: 'probe', subject, slot, versionId };
}

export function proofOf(rotation: Rotation, version: VersionRef | null): Proof | null {
  const evidence = version && rotation.evidence[version.id];
  return evidence && !evidence.isVerification ? { verdict: evidence.verdict, atMs: evidence.atMs } : null;
}
export const controlOf = (rotation: Rotation, slot: string): Proof | null =>
  rotation.evidence[controlKey(slot)] ?? null;

export const BOTH_REFUSED: Failure = {
  code: 'both_refused',
  message: 'The target refuses the new value and the old one.',
  remedy: 'See whether the login is locked, has expired or was changed by somebody; dsops keeps trying.',
  isPassing: true,
};
export const ACCEPTS_ANYTHING: Failure = {
  code: 'target_accepts_anything',
  message: 'The target accepts a random wrong value, so no login proves anything.',
  remedy: 'Let the target ask for a password (in PostgreSQL: no `trust` in pg_hba.conf for these logins).',
  isPassing: false,
};
