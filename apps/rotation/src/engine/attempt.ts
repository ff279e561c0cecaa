import { overAt } from './clock-watch.js';
import { guard, type GuardQuestion, type MissingRule, type Waiver } from './guard.js';
import { awaitRelease, evidenceOf, holdsOf } from './release.js';
import { BOTH_REFUSED, REPLACEMENT_REFUSED } from './causes.js';
import { controlOf, proofOf, provePath, see } from './evidence.js';
import { isEffect, journal, wait, type Effect } from './journal.js';
import { again, askPerson } from './patience.js';
import type { View } from './view.js';
import type { VersionRef } from './plan.js';
import { nextStep, type Rotation } from './rotation.js';

/** One command at the target, and whose life it ends. */
export interface Command {
  readonly do: 'set' | 'retire';
  readonly version: VersionRef;
  readonly subject: 'new' | 'old' | 'occupant';
  /** Null: the slot is idle, no life ends. */
  readonly ending: {
    readonly version: VersionRef;
    /** What the records say lives in the slot. */
    readonly recorded: VersionRef | null;
    /** The value that replaces it: proven by a login, or in one slot only by the administrator's open session. */
    readonly replacement: { readonly version: VersionRef; readonly provenBy: 'probe' | 'admin-path' };
    readonly waiver: Waiver | null;
  } | null;
  /** In one slot: if the set did not land, this other value must still be accepted. */
  readonly other: { readonly version: VersionRef; readonly subject: 'new' | 'old' } | null;
}

export type CommandState = 'landed' | 'refused' | 'did-not-land';

/** A command of a rollback is tried twice more; so is one whose answer was lost and that never landed. */
export const MOST_SENDS = 3;

const DENIED: Record<MissingRule, string> = {
  'normal-mode': 'the installation is in mode `restored`',
  'recorded-id': 'what lives in the slot is not what the records say',
  'replacement-sealed': 'the replacement is not sealed in the vault',
  'replacement-proven': 'the replacement is not proven',
  'path-proven': 'a random wrong value was not refused',
  grace: 'the grace period is not over',
  evidence: 'it is neither shown nor said that nobody uses the value any more',
  'check-outs': 'somebody holds the value',
};

/** The question that the guard is asked, from what the journal knows. */
export function questionOf(rotation: Rotation, command: Command): GuardQuestion | null {
  const { ending } = command;
  if (!ending) return null;
  const { version, recorded, replacement, waiver } = ending;
  const isSealed = replacement.version.id !== rotation.plan.newVersion.id || rotation.isGenerated;
  return {
    ends: version.id,
    recorded: recorded?.id ?? null,
    replacement: {
      isSealed,
      proof:
        replacement.provenBy === 'probe'
          ? { by: 'probe', proof: proofOf(rotation, replacement.version) }
          : { by: 'admin-path', isSessionOpen: rotation.session !== null },
    },
    control: controlOf(rotation, version.slot),
    publishedAtMs: rotation.publishedAtMs,
    graceMs: rotation.plan.graceMs,
    evidence: evidenceOf(rotation, ending),
    waiver,
  };
}

/**
 * Brings one command to the target: proofs, session, guard, send, and after a lost answer the probes that tell whether
 * it landed. Session first: nothing is sent before the session's identity is in the journal, and once it was sent
 * nothing else happens until that session can do nothing any more (see settleAttempt).
 */
export function bring(view: View, command: Command): CommandState | Effect {
  const { change, session } = view.rotation;
  switch (change?.outcome) {
    case 'applied':
      return 'landed';
    case 'refused':
      return 'refused';
    case 'unknown':
      return afterUnknown(view, command);
    case 'not-landed':
      if (change.sends >= MOST_SENDS) return 'did-not-land';
      break;
    case 'sent':
    case undefined:
  }
  if (command.ending) {
    const release = awaitRelease(view, command.ending);
    if (release) return release;
    const proof = proveFirst(view, command.ending);
    if (proof) return proof;
  }
  if (!session) {
    const step = nextStep(view.rotation);
    if (!step) throw new TypeError('A command belongs to a step.');
    return { do: 'open-session', step };
  }
  return send(view, command);
}

/** Probes made now are conclusive, because the attempt is over. */
function afterUnknown(view: View, { do: what, version, subject, other }: Command): CommandState | Effect {
  const seen = see(view, subject, version);
  if (isEffect(seen)) return seen;
  if ((what === 'set') === (seen !== 'refused')) return 'landed';
  if (other) {
    const otherSeen = see(view, other.subject, other.version);
    if (isEffect(otherSeen)) return otherSeen;
    if (otherSeen === 'refused' && !view.rotation.judged.includes(BOTH_REFUSED.code)) return again(view, BOTH_REFUSED);
  }
  return journal({ kind: 'not-landed' });
}

function proveFirst(view: View, { version, replacement }: NonNullable<Command['ending']>): Effect | null {
  const path = provePath(view, version.slot);
  if (path) return path;
  if (replacement.provenBy === 'admin-path') return null;
  const seen = see(
    view,
    replacement.version.id === view.rotation.plan.newVersion.id ? 'new' : 'old',
    replacement.version,
  );
  if (isEffect(seen)) return seen;
  return seen === 'accepted' ? null : again(view, REPLACEMENT_REFUSED);
}

function send(view: View, command: Command): Effect {
  const { rotation, observation, nowMs } = view;
  const { version, ending } = command;
  const question = questionOf(rotation, command);
  if (question && ending) {
    const answer = guard(question, { ...observation, checkOuts: holdsOf(view, ending), nowMs });
    if (!answer.allows) {
      const untilMs = answer.missing.map((each) => each.untilMs);
      if (untilMs.every((each) => each !== null)) return wait(Math.max(...untilMs));
      return askPerson({
        code: 'guard_denied',
        message: `The value is not ended: ${answer.missing.map((each) => DENIED[each.rule]).join('; ')}.`,
        remedy: 'Settle what is missing, then resume.',
      });
    }
  }
  const common = { slot: version.slot, versionId: version.id, waiver: ending?.waiver ?? null };
  return command.do === 'set'
    ? { do: 'set', ...common, ends: ending?.version.id ?? null }
    : { do: 'retire', ...common, ends: version.id, endSessions: rotation.plan.endSessions };
}

/** Ends what an abandoned or unanswered attempt could still do. Until then nothing else happens to the rotation. */
export function settleAttempt({ rotation, observation, nowMs }: View): Effect | null {
  const { session, plan } = rotation;
  if (!session) return null;
  const isWanted = session.sentAtMs === null && session.step === nextStep(rotation);
  if (isWanted && observation.heldSession === session.seq) return null;
  const { abandonment } = plan.facts;
  if (abandonment.by === 'ending-session') return { do: 'end-session', identity: session.identity };
  // What was not sent never will be: sending is journalled first, and the fence has moved on from its worker.
  if (session.sentAtMs === null) return journal({ kind: 'attempt-over', because: 'nothing-sent' });
  if (abandonment.by === 'waiting') {
    const overAtMs = overAt(session.sentAtMs, session.sentAtMs + abandonment.boundMs, observation.jumps);
    if (nowMs < overAtMs) return wait(overAtMs);
    return journal({ kind: 'attempt-over', because: 'bound-passed' });
  }
  if (rotation.judged.includes('attempt_abandoned')) return journal({ kind: 'attempt-over', because: 'person' });
  return askPerson({
    code: 'attempt_abandoned',
    message: 'A command was sent and its answer never came; whether it can still land cannot be known from here.',
    remedy: 'Make sure at the target that the attempt has ended, then resume.',
  });
}
