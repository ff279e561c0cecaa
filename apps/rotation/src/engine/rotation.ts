import type { Actor } from '@dsops/contracts/principal';
import type { ProbeVerdict, RotationState, Verdict } from '@dsops/contracts/rotation/states';
import type { SessionIdentity } from '@dsops/drivers/driver';
import type { Ask, Entry, Failure, RotationError, Subject, TargetEffect } from './journal.js';
import type { Plan, WrongLogin } from './plan.js';
import { PATHS, type PathName, type StepName } from './paths.js';

/** The last thing a probe showed about a login. Void as soon as something was sent to its slot. */
export interface Evidence {
  readonly verdict: ProbeVerdict;
  readonly isVerification: boolean;
  readonly atMs: number;
}

/** The command of the present step, and what is known of its way. */
export interface Change {
  readonly slot: string;
  /** Who can log in to the slot once the command has landed; null when nobody can. */
  readonly live: string | null;
  readonly sends: number;
  /** `unknown`: the attempt is over, and only probes can tell whether it landed. */
  readonly outcome: 'sent' | 'applied' | 'refused' | 'unknown' | 'not-landed';
  readonly failure: Failure | null;
}

/** A session at the target that may still do something. There is none once its one command was answered. */
export interface OpenSession {
  /** `seq` of the entry that recorded it: how a worker recognises the session that it holds itself. */
  readonly seq: number;
  readonly identity: SessionIdentity;
  readonly step: StepName;
  readonly sentAtMs: number | null;
}

export interface Told {
  readonly kind: 'rollback' | 'resume' | 'clear';
  readonly actor: Actor;
  readonly reason: string;
  readonly atMs: number;
}

export interface StepRecord {
  readonly name: string;
  readonly outcome: string;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly note: string | null;
}

/**
 * A rotation: the fold of its journal, plain JSON.
 *
 * ```
 *  pending ─▶ rotating ─▶ verifying ─▶ completed
 *                │  │        │  ▲
 *                │  │        │  └──── resumed: by a conclusive probe or by a person
 *                │  └────────┼──▶ needs_operator (from every state that is not final)
 *                ▼           ▼
 *              failed   rollback_in_progress ─▶ rolled_back | rollback_failed
 * ```
 * The public state is derived ({@link stateOf}); what decides is where it stands on its path ({@link nextStep}).
 */
export interface Rotation {
  readonly plan: Plan;
  /** Of the last entry. */
  readonly seq: number;
  readonly startedAtMs: number;
  readonly lastAtMs: number;
  readonly path: PathName;
  /** Steps of the present path that are finished. */
  readonly done: readonly StepName[];
  readonly inFlight: { readonly effect: TargetEffect; readonly atMs: number } | null;
  readonly session: OpenSession | null;
  readonly change: Change | null;
  /** By version id; a control probe by {@link controlKey}. */
  readonly evidence: Readonly<Record<string, Evidence>>;
  /** What the target answered last, for people: survives what voids evidence. */
  readonly known: Readonly<Record<string, Verdict>>;
  /** By slot: until when the last change was possibly made, and what it makes valid. For the propagation time. */
  readonly changed: Readonly<Record<string, { readonly atMs: number; readonly live: string | null }>>;
  readonly wrongLogins: readonly WrongLogin[];
  /** An effect did not work out and is not yet followed by `again` or an end. */
  readonly failure: Failure | null;
  readonly tries: number;
  readonly nextTryAtMs: number;
  readonly asking: (Ask & { readonly untilMs: number | null }) | null;
  /** Codes of asks that a person has answered since the last step. */
  readonly judged: readonly string[];
  readonly isGenerated: boolean;
  /** Can the target have the new value? */
  readonly newValue: 'absent' | 'possible' | 'present';
  readonly current: 'old' | 'new';
  readonly publishedAtMs: number | null;
  readonly isRetireIntended: boolean;
  readonly waiting: { readonly step: StepName; readonly untilMs: number; readonly reason: string } | null;
  /** A person was asked whether nobody uses this value any more. */
  readonly asked: { readonly versionId: string; readonly atMs: number; readonly isAnswered: boolean } | null;
  /** What a person who saw them has said: these do not keep the value alive. */
  readonly cleared: {
    readonly versionId: string;
    readonly consumers: readonly string[];
    readonly checkOuts: readonly string[];
  } | null;
  /** A person wants it to go back. */
  readonly request: { readonly reason: string; readonly actor: Actor } | null;
  /** What people asked of it after it had begun, in order. */
  readonly told: readonly Told[];
  readonly turn: { readonly trigger: 'automatic' | 'manual'; readonly error: RotationError } | null;
  readonly conclusion: {
    readonly state: RotationState;
    readonly error: RotationError | null;
    readonly atMs: number;
  } | null;
  /** Nothing is left to do, also behind the scenes: the credential is free for the next rotation. */
  readonly isSettled: boolean;
  readonly steps: readonly StepRecord[];
}

export const controlKey = (slot: string): string => `control:${slot}`;
export const evidenceKey = (subject: Subject, slot: string, versionId: string | null): string =>
  subject === 'control' || versionId === null ? controlKey(slot) : versionId;

/** The first step of the present path that is not finished; null when all are. */
export const nextStep = (rotation: Rotation): StepName | null =>
  (PATHS[rotation.path] as readonly StepName[]).find((step) => !rotation.done.includes(step)) ?? null;

/** While going forward: what people see at each step. Paths that lead back show `rollback_in_progress`. */
const STATE_AT: Record<StepName, 'rotating' | 'verifying'> = {
  'check-path': 'rotating',
  'probe-old': 'rotating',
  'clear-slot': 'rotating',
  generate: 'rotating',
  set: 'rotating',
  'probe-new': 'verifying',
  rollout: 'verifying',
  promote: 'verifying',
  publish: 'verifying',
  monitor: 'verifying',
  grace: 'verifying',
  'retire-old': 'verifying',
  'probe-old-refused': 'verifying',
  complete: 'verifying',
  'set-back': 'rotating',
  'labels-back': 'rotating',
  'retire-new': 'rotating',
  'probe-new-refused': 'verifying',
  'rolled-back': 'verifying',
  settle: 'verifying',
};

export function stateOf(rotation: Rotation): RotationState {
  if (rotation.conclusion) return rotation.conclusion.state;
  if (rotation.asking) return 'needs_operator';
  if (rotation.turn) return 'rollback_in_progress';
  if (rotation.seq === 1) return 'pending';
  const step = nextStep(rotation);
  return step === null ? 'verifying' : STATE_AT[step];
}

/** The rotation as its first entry makes it. */
export function begin(entry: Entry): Rotation {
  if (entry.kind !== 'planned' || entry.seq !== 1) throw new TypeError('A journal begins with its plan.');
  return {
    plan: entry.plan,
    seq: 1,
    startedAtMs: entry.atMs,
    lastAtMs: entry.atMs,
    path: entry.plan.shape,
    done: [],
    inFlight: null,
    // `seq` of the plan itself: a session that no worker holds.
    session: entry.plan.unanswered ? { seq: 1, step: 'check-path', ...entry.plan.unanswered } : null,
    change: null,
    evidence: {},
    known: {},
    changed: {},
    wrongLogins: entry.plan.earlierWrongLogins,
    failure: null,
    tries: 0,
    nextTryAtMs: 0,
    asking: null,
    judged: [],
    isGenerated: false,
    newValue: 'absent',
    current: 'old',
    publishedAtMs: null,
    isRetireIntended: false,
    waiting: null,
    asked: null,
    cleared: null,
    request: null,
    told: [],
    turn: null,
    conclusion: null,
    isSettled: false,
    steps: [],
  };
}
