import { overAt } from './clock-watch.js';
import { isFresh, type Proof } from './guard.js';
import { isEffect, wait, type Effect, type Failure, type Subject } from './journal.js';
import { again } from './patience.js';
import type { VersionRef } from './plan.js';
import { controlKey, type Evidence, type Rotation } from './rotation.js';
import type { View } from './view.js';

/** `unverified`: the login works, the verification query does not. */
export type Seen = 'accepted' | 'refused' | 'unverified';

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

export const ACCEPTS_ANYTHING: Failure = {
  code: 'target_accepts_anything',
  about: 'target',
  message: 'The target accepts a random wrong value, so no login proves anything.',
  remedy: 'Let the target refuse what it does not know: some rule there lets these logins in whatever they bring.',
  isPassing: false,
};
