import type { Finding, Target } from '@dsops/contracts/rotation/api';
import type { ProbeVerdict, Strategy } from '@dsops/contracts/rotation/states';
import type { Secret } from '@dsops/kernel';

/**
 * What a driver declares about its target. Recovery derives from these facts and from nothing else: the engine never
 * asks what kind of target it has before it.
 */
export interface DriverFacts {
  /** `chosen`: we choose the value. `minted`: the target shows it once. `minted-readable`: it can be read again. `issued`: a certificate. */
  readonly origin: 'chosen' | 'minted' | 'minted-readable' | 'issued';
  /** `admin`: another credential administers. `self`: the credential changes itself. */
  readonly authority: 'admin' | 'self';
  /** How many values can be valid side by side, each in a slot of its own. */
  readonly slots: 1 | 2;
  /** Can what we create carry the rotation's id? */
  readonly marker: 'none' | 'carried';
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
  /** What shows that an old value is still in use. */
  readonly evidence: {
    readonly source: string;
    readonly covers: string;
    readonly blindSpots: readonly string[];
  } | null;
}

/** A login as the target sees it. With the target's address it is one version: all of it moves together (I9). */
export interface Login {
  readonly username: string;
  readonly password: Secret;
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
  /** Gives the slot this password and lets it log in. The password itself never crosses the wire or a server's log. */
  set(login: Login): Promise<CommandOutcome>;
  /** Ends the life of the slot's value: it can log in no more. Ends its open sessions too when asked. */
  retire(username: string, options: { endSessions: boolean }): Promise<CommandOutcome>;
  close(): Promise<void>;
}

export interface PlanFindings {
  readonly findings: readonly Finding[];
  /** Open sessions of the login that would be replaced; null when the target does not tell. */
  readonly sessions: number | null;
}

export interface Verification {
  readonly query: string;
  readonly timeoutMs: number;
}

/**
 * The way to one kind of target. Implementations translate: they decide nothing, retry nothing, and put neither
 * a password nor the text of a target's message into what they return unless they composed it themselves.
 */
export interface TargetDriver {
  readonly type: string;
  readonly facts: DriverFacts;

  /** A new value that this target accepts, from a cryptographic source. */
  generate(): Secret;

  /** Looks, and changes nothing: rights of the admin, slots, owner, quota, whether wrong passwords are refused at all. */
  inspect(
    target: Target,
    admin: Login,
    wanted: {
      strategy: Strategy;
      slots: readonly string[];
      owner: string | null;
      inUse: string | null;
      /** Slots whose live value dsops left there itself, by its records: the rotation ends it first. */
      leftBehind?: readonly string[];
    },
  ): Promise<PlanFindings>;

  /**
   * Opens a session for one command. `marker` (a rotation's id) is visible at the target.
   * @throws DomainError `target_unreachable`, `admin_refused`, `target_busy` …: nothing was changed.
   */
  openSession(target: Target, admin: Login, marker: string): Promise<TargetSession>;

  /**
   * Makes sure that this session can do nothing any more. `ended` is said only when the target has confirmed it (also
   * when it was gone already).
   * @throws DomainError as {@link openSession}: it is not known whether the session lives.
   */
  endSession(target: Target, admin: Login, identity: SessionIdentity): Promise<'ended'>;

  /** One login with this value on the path that applications use, then the verification query. Never throws for what the target does. */
  probe(target: Target, login: Login, verification: Verification): Promise<Probe>;
}
