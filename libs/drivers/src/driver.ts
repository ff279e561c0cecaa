import type { Finding } from '@dsops/contracts/rotation/api';
import type { ProbeVerdict } from '@dsops/contracts/rotation/states';
import type { Shape } from '@dsops/contracts/rotation/strategies';
import type {
  CredentialSettings,
  Slot,
  TargetAddress,
  VerificationCheck,
} from '@dsops/contracts/rotation/targets/define-target';
import type { Secret } from '@dsops/kernel';

export type { Slot } from '@dsops/contracts/rotation/targets/define-target';

/**
 * What a driver declares about its target. Recovery derives from these facts and from nothing else: the engine never
 * asks what kind of target it has before it. How many slots there are, and whether an administrator exists, is in the
 * declaration of the kind (libs/contracts/src/rotation/targets).
 */
export interface DriverFacts {
  /**
   * How an attempt that was abandoned half way is ended, so that it can land no more: by ending its session at the
   * target, or by waiting until the bound has passed since it was sent. `none`: a person has to judge.
   */
  readonly abandonment:
    { readonly by: 'ending-session' } | { readonly by: 'waiting'; readonly boundMs: number } | { readonly by: 'none' };
  /** For so long after a change the new value may be refused and the old one accepted. */
  readonly propagationMs: number;
  /** Wrong logins that the target forgives per window; null when it never locks out. */
  readonly lockout: { readonly attempts: number; readonly windowMs: number } | null;
  /** Does the target refuse a value that it had before? */
  readonly refusesOldValues: boolean;
  /** What {@link TargetDriver.consumers} shows; null where the target tells of no sessions. */
  readonly evidence: EvidenceFact | null;
}

/** How sessions at the target show that a login is in use. They never show that it is not. */
export interface EvidenceFact {
  /** Where the target shows them. */
  readonly source: string;
  /** What is seen there, in words for people. */
  readonly covers: string;
  /** What is not, each in words for people. */
  readonly blindSpots: readonly string[];
}

/** Somebody who has a session at the target. What the target does not tell is null. */
export interface Consumer {
  readonly login: string;
  /** Where it comes from, without its port. */
  readonly address: string | null;
  /** As it names itself. */
  readonly application: string | null;
  /** When the session began, ISO 8601 in UTC. */
  readonly since: string | null;
}

export interface ConsumersSeen {
  readonly sessions: readonly Consumer[];
  /** False where the administrator may not see the sessions of others: that none was seen means nothing then. */
  readonly isWhole: boolean;
  /** What could not be seen this time, beside what {@link EvidenceFact} says. */
  readonly blindSpots: readonly string[];
}

/** A login as the target sees it. With the target's address it is one version: all of it moves together (I9). */
export interface Login {
  readonly username: string;
  readonly password: Secret;
}

/** A target and who changes things there. `admin` is null where the credential changes itself: `self` is its present login then. */
export interface Administration<Address = TargetAddress> {
  readonly target: Address;
  readonly admin: Login | null;
  readonly self?: Login;
}

/** What a probe found. `note` is a sentence for a person and holds no secret. */
export interface Probe {
  readonly verdict: ProbeVerdict;
  readonly note: string;
  readonly durationMs: number;
  /**
   * What a refusal was about, with verdict `refused` only. `authentication`: the target refused this value.
   * `verification`: it took the value, and then the verification failed; that is no proof that the value is dead.
   */
  readonly refusedBy?: 'authentication' | 'verification';
}

/**
 * The answer to one command at the target.
 * - `applied`: the target said that it is done.
 * - `refused`: the target said no, and nothing changed.
 * - `lost`: no answer came. It may have happened, it may still happen: a state to be probed, never a failure (I5).
 */
export type CommandOutcome =
  | { readonly kind: 'applied' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly remedy: string }
  | { readonly kind: 'lost'; readonly message: string };

/** What identifies a session at the target, enough to end exactly this one later. Plain JSON, journalled before use. */
export type SessionIdentity = Readonly<Record<string, string | number>>;

/** An open administrative session. It is used for one command, sent once, and is never reconnected. */
export interface TargetSession {
  readonly identity: SessionIdentity;
  /**
   * Gives the slot this value and lets its login in with it; what the other slots hold stays valid. The value itself
   * never crosses the wire in a form that a server's log shows.
   * @param expects `isIdle`: nobody may be able to log in to the slot. It is looked at once more as it is set, and what
   *   lets somebody in is left as it is: refused, `slot_taken`. Where a target cannot look and set in one, it looks just
   *   before.
   */
  set(slot: Slot, value: Secret, expects?: { readonly isIdle: boolean }): Promise<CommandOutcome>;
  /**
   * Ends the life of the slot's value: it can log in no more. `ended` is that value as our records have it, for targets
   * that name what they remove by it; null when the records have none. Ends open sessions of it too when asked.
   */
  retire(slot: Slot, ended: Secret | null, options: { readonly endSessions: boolean }): Promise<CommandOutcome>;
  close(): Promise<void>;
}

export interface PlanFindings {
  readonly findings: readonly Finding[];
  /** Open sessions of the login that would be replaced; null when the target does not tell. */
  readonly sessions: number | null;
}

/** What is to be rotated, as `inspect` is asked. */
export interface Wanted<Settings = CredentialSettings> {
  readonly shape: Shape;
  readonly settings: Settings;
  /** The slots that the rotation touches, by name. */
  readonly slots: readonly Slot[];
  /** Name of the slot whose value is in use; null when dsops knows none. */
  readonly inUse: string | null;
  /** Names of slots whose live value dsops left there itself, by its records: the rotation ends it first. */
  readonly leftBehind?: readonly string[];
  /** Does the strategy end the old login's open sessions? Only then is the right to do so asked for. */
  readonly endsSessions: boolean;
}

export interface Verification<Check = VerificationCheck> {
  readonly check: Check;
  readonly timeoutMs: number;
}

/**
 * The way to one kind of target. Implementations translate: they decide nothing, retry nothing, and put neither
 * a password nor the text of a target's message into what they return unless they composed it themselves.
 * Addresses, settings and checks have been read with the declaration of the driver's kind.
 */
export interface TargetDriver<Address = TargetAddress, Settings = CredentialSettings, Check = VerificationCheck> {
  /** The declaration's `kind`. */
  readonly kind: string;
  readonly facts: DriverFacts;

  /** A new value that this target accepts, from a cryptographic source. */
  generate(): Secret;

  /** Looks, and changes nothing: rights of the admin, slots, quota, whether wrong passwords are refused at all. */
  inspect(at: Administration<Address>, wanted: Wanted<Settings>): Promise<PlanFindings>;

  /**
   * Who has a session with the login of one of these slots now, our own logins left out. Looks, and changes nothing.
   * @throws DomainError as {@link openSession}
   */
  consumers(at: Administration<Address>, slots: readonly Slot[]): Promise<ConsumersSeen>;

  /**
   * Opens a session for one command. `marker` (a rotation's id) is visible at the target.
   * @throws DomainError `target_unreachable`, `admin_refused`, `target_busy` …: nothing was changed.
   */
  openSession(at: Administration<Address>, marker: string): Promise<TargetSession>;

  /**
   * Makes sure that this session can do nothing any more. `ended` is said only when the target has confirmed it (also
   * when it was gone already).
   * @throws DomainError as {@link openSession}: it is not known whether the session lives.
   */
  endSession(at: Administration<Address>, identity: SessionIdentity): Promise<'ended'>;

  /** One login with this value on the path that applications use, then the verification. Never throws for what the target does. */
  probe(target: Address, login: Login, verification: Verification<Check>): Promise<Probe>;
}
