import type { ErrorSubject } from '@dsops/kernel';
import type { Actor } from '@dsops/contracts/principal';
import type { ProbeVerdict, RotationState } from '@dsops/contracts/rotation/states';
import type { Consumer, SessionIdentity } from '@dsops/drivers/driver';
import type { Plan } from './plan.js';
import type { PathName, StepName } from './paths.js';
import type { Waiver } from './guard.js';

/** Which login a probe tries. `control` is a random wrong value for the slot. */
export type Subject = 'control' | 'new' | 'old' | 'occupant';

/** What touches the target. Each is journalled before it begins and after it ended. */
export type TargetEffect =
  | { readonly do: 'probe'; readonly subject: Subject; readonly slot: string; readonly versionId: string | null }
  | { readonly do: 'open-session'; readonly step: StepName }
  | { readonly do: 'end-session'; readonly identity: SessionIdentity }
  | {
      readonly do: 'set';
      readonly slot: string;
      readonly versionId: string;
      /** The version whose life this ends; null when the slot is idle. */
      readonly ends: string | null;
      /** The audited override under which the guard let it pass. */
      readonly waiver: Waiver | null;
    }
  | {
      readonly do: 'retire';
      readonly slot: string;
      readonly versionId: string;
      readonly ends: string;
      readonly endSessions: boolean;
      readonly waiver: Waiver | null;
    };

/** Why something did not work, in the words of a DomainError. `isPassing`: the same may work later. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string | null;
  /** What it is about, when that stands outside dsops. */
  readonly about?: ErrorSubject;
  readonly isPassing: boolean;
}

/** How an effect at the target ended. */
export type Outcome =
  | {
      readonly kind: 'probed';
      readonly verdict: ProbeVerdict;
      /** With `refused`: it was the verification query that failed, the login itself worked. */
      readonly isVerification: boolean;
      readonly note: string;
    }
  | { readonly kind: 'opened'; readonly identity: SessionIdentity }
  | { readonly kind: 'session-ended' }
  | { readonly kind: 'applied' }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'lost'; readonly message: string }
  /** The effect could not be done, and nothing was changed by it. */
  | { readonly kind: 'undone'; readonly failure: Failure };

/** Why a person is asked. `byPerson`: only a person lets it go on; otherwise a conclusive probe does, too. */
export interface Ask extends Omit<Failure, 'isPassing'> {
  readonly byPerson: boolean;
}

export type RotationError = Omit<Failure, 'isPassing'>;

/** One fact in the life of a rotation. Journalled in the transaction of what it tells. No secret is ever in it. */
export type Happening =
  | { readonly kind: 'planned'; readonly plan: Plan }
  /** An effect at the target is about to begin. For `set` and `retire` this is the guard's transaction. */
  | { readonly kind: 'intended'; readonly effect: TargetEffect }
  | { readonly kind: 'ended'; readonly outcome: Outcome; readonly durationMs: number }
  /** The worker of the intended effect never said how it ended. */
  | { readonly kind: 'abandoned' }
  /** The abandoned attempt can land no more: its bound has passed, nothing was ever sent, or a person judged so. */
  | { readonly kind: 'attempt-over'; readonly because: 'nothing-sent' | 'bound-passed' | 'person' }
  /** Probes made after the attempt was over show that the command never landed: it may be sent again. */
  | { readonly kind: 'not-landed' }
  /** The value is sealed, in this transaction. `name` is the version's, as people see it. */
  | { readonly kind: 'generated'; readonly name: string }
  | { readonly kind: 'labels-moved'; readonly to: 'new' | 'old' }
  | { readonly kind: 'labels-differ'; readonly failure: Failure }
  | { readonly kind: 'published' }
  | { readonly kind: 'publish-differs'; readonly failure: Failure }
  | {
      readonly kind: 'step';
      readonly step: StepName;
      readonly outcome: string;
      readonly note: string | null;
      /** The version that the target refuses now, as this step has proven. */
      readonly ends: string | null;
    }
  /** It could not be told, and is looked at again at `untilMs`. All evidence so far is void. */
  | { readonly kind: 'again'; readonly untilMs: number; readonly failure: Failure }
  | { readonly kind: 'asked'; readonly untilMs: number | null; readonly ask: Ask }
  | { readonly kind: 'resumed'; readonly by: 'probe' }
  | { readonly kind: 'resumed'; readonly by: 'person'; readonly actor: Actor; readonly reason: string }
  | { readonly kind: 'waiting'; readonly untilMs: number; readonly reason: string }
  /** A person's word is wanted that the value may end: it is not shown that nobody uses it any more. */
  | {
      readonly kind: 'evidence-wanted';
      readonly versionId: string;
      readonly consumers: readonly Consumer[];
      readonly blindSpots: readonly string[];
    }
  /** A person who saw these says that the value may end. */
  | {
      readonly kind: 'cleared';
      readonly versionId: string;
      readonly actor: Actor;
      readonly reason: string;
      /** Names of consumers, see nameOf. */
      readonly consumers: readonly string[];
      /** Ids of check-outs that hold it no longer, though they are open. */
      readonly checkOuts: readonly string[];
    }
  | { readonly kind: 'rollback-requested'; readonly actor: Actor; readonly reason: string }
  | {
      readonly kind: 'turned';
      readonly path: PathName;
      readonly trigger: 'automatic' | 'manual';
      readonly error: RotationError;
    }
  | {
      readonly kind: 'concluded';
      readonly state: Extract<RotationState, 'completed' | 'failed' | 'rolled_back' | 'rollback_failed'>;
      readonly error: RotationError | null;
    }
  | { readonly kind: 'settled' };

/** `atMs` is the database's time (epoch), `seq` counts from 1 without a gap. */
export type Entry = { readonly seq: number; readonly atMs: number } & Happening;

/** What a worker is to do next. Everything but a {@link TargetEffect} is one transaction in our own database. */
export type Effect =
  | TargetEffect
  | { readonly do: 'generate' }
  | { readonly do: 'move-labels'; readonly to: 'new' | 'old'; readonly from: string | null; readonly versionId: string }
  | { readonly do: 'publish'; readonly versionId: string }
  | { readonly do: 'journal'; readonly happening: Happening }
  /** Look who uses the login of this slot. Kept beside the journal: what it brings is seen at the next decision. */
  | { readonly do: 'sample'; readonly slot: string }
  /** Nothing before `untilMs`, unless somebody wakes the rotation. */
  | { readonly do: 'wait'; readonly untilMs: number };

const TOUCHES_TARGET: Record<Effect['do'], boolean> = {
  probe: true,
  'open-session': true,
  'end-session': true,
  set: true,
  retire: true,
  generate: false,
  'move-labels': false,
  publish: false,
  journal: false,
  sample: false,
  wait: false,
};
export const touchesTarget = (effect: Effect): effect is TargetEffect => TOUCHES_TARGET[effect.do];

export const journal = (happening: Happening): Effect => ({ do: 'journal', happening });
export const wait = (untilMs: number): Effect => ({ do: 'wait', untilMs });
/** A look that has no answer yet gives the effect that brings it. */
export const isEffect = <T extends string>(seen: T | Effect): seen is Effect => typeof seen !== 'string';
