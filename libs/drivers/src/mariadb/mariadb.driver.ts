import type { MariadbCheck, MariadbSettings, MariadbTarget } from '@dsops/contracts/rotation/targets/mariadb';
import type { Secret } from '@dsops/kernel';
import type {
  Administration,
  ConsumersSeen,
  DriverFacts,
  Login,
  PlanFindings,
  Probe,
  SessionIdentity,
  Slot,
  TargetDriver,
  TargetSession,
  Verification,
  Wanted,
} from '../driver.js';
import { adminOf } from '../kit/admin.js';
import { DEFAULT_LIMITS, type Limits } from '../kit/limits.js';
import { generatePassword } from '../kit/password.js';
import { openAdminWire } from './admin-wire.js';
import { endConnection } from './end-session.js';
import { EVIDENCE, lookForConsumers } from './consumers.js';
import { inspectTarget } from './inspect.js';
import { attemptLogin, judge } from './judge.js';
import { MariadbSession } from './mariadb.session.js';

export interface MariadbDriverOptions {
  readonly limits?: Partial<Limits>;
  /** Certificates (PEM) of private authorities that `verify-full` trusts besides the system's. */
  readonly authorities?: readonly string[];
}

type At = Administration<MariadbTarget>;

/**
 * Accounts of MariaDB 10.4 and newer: two that take turns, or one with two passwords. An idle slot holds a hash that no
 * password has. What it asks of the target is in docs/targets/mariadb.md.
 */
export class MariadbDriver implements TargetDriver<MariadbTarget, MariadbSettings, MariadbCheck> {
  readonly kind = 'mariadb';

  readonly facts: DriverFacts = {
    abandonment: { by: 'ending-session' },
    propagationMs: 0,
    // Off by default (max_password_errors); the plan warns where it is set low.
    lockout: null,
    refusesOldValues: false,
    evidence: EVIDENCE,
  };

  private readonly options: { readonly limits: Limits; readonly authorities: readonly string[] };

  constructor({ limits = {}, authorities = [] }: MariadbDriverOptions = {}) {
    this.options = { limits: { ...DEFAULT_LIMITS, ...limits }, authorities };
  }

  generate(): Secret {
    return generatePassword();
  }

  inspect(at: At, wanted: Wanted<MariadbSettings>): Promise<PlanFindings> {
    return inspectTarget(at.target, adminOf(at), wanted, this.options);
  }

  consumers(at: At, slots: readonly Slot[]): Promise<ConsumersSeen> {
    return lookForConsumers(at.target, adminOf(at), slots, this.options);
  }

  async openSession(at: At, marker: string): Promise<TargetSession> {
    const session = await openAdminWire(at.target, adminOf(at), { ...this.options, marker });
    return new MariadbSession(session, at.target, this.options.limits);
  }

  endSession(at: At, identity: SessionIdentity): Promise<'ended'> {
    return endConnection(at.target, adminOf(at), identity, this.options);
  }

  async probe(target: MariadbTarget, login: Login, verification: Verification<MariadbCheck>): Promise<Probe> {
    const startedMs = performance.now();
    const attempt = await attemptLogin(target, login, verification, this.options.authorities);
    return { ...judge(attempt, target, login), durationMs: Math.round(performance.now() - startedMs) };
  }
}
