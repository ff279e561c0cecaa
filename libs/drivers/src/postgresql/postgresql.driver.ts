import type {
  PostgresqlCheck,
  PostgresqlSettings,
  PostgresqlTarget,
} from '@dsops/contracts/rotation/targets/postgresql';
import type { Secret } from '@dsops/kernel';
import { adminOf } from '../kit/admin.js';
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
import { openAdminWire } from './admin-wire.js';
import { endBackend } from './end-session.js';
import { wantedOf } from './wanted.js';
import { EVIDENCE, lookForConsumers } from './consumers.js';
import { inspectTarget } from './inspect.js';
import { judge } from './judge.js';
import { DEFAULT_LIMITS, type Limits } from '../kit/limits.js';
import { generatePassword } from '../kit/password.js';
import { PostgresqlSession } from './postgresql.session.js';
import { attemptLogin } from './probe.js';

export interface PostgresqlDriverOptions {
  readonly limits?: Partial<Limits>;
  /** Certificates (PEM) of private authorities that `verify-full` trusts besides the system's. */
  readonly authorities?: readonly string[];
}

type At = Administration<PostgresqlTarget>;

/**
 * Logins of PostgreSQL 16 and newer. A slot is a role; idle, it is NOLOGIN and has no password, which pg_roles shows to
 * everybody. What it asks of the target is in docs/targets/postgresql.md.
 */
export class PostgresqlDriver implements TargetDriver<PostgresqlTarget, PostgresqlSettings, PostgresqlCheck> {
  readonly kind = 'postgresql';

  readonly facts: DriverFacts = {
    abandonment: { by: 'ending-session' },
    propagationMs: 0,
    lockout: null,
    refusesOldValues: false,
    evidence: EVIDENCE,
  };

  private readonly options: { readonly limits: Limits; readonly authorities: readonly string[] };

  constructor({ limits = {}, authorities = [] }: PostgresqlDriverOptions = {}) {
    this.options = { limits: { ...DEFAULT_LIMITS, ...limits }, authorities };
  }

  generate(): Secret {
    return generatePassword();
  }

  inspect(at: At, wanted: Wanted<PostgresqlSettings>): Promise<PlanFindings> {
    return inspectTarget(at.target, adminOf(at), wantedOf(wanted), this.options);
  }

  consumers(at: At, slots: readonly Slot[]): Promise<ConsumersSeen> {
    return lookForConsumers(at.target, adminOf(at), slots, this.options);
  }

  async openSession(at: At, marker: string): Promise<TargetSession> {
    const session = await openAdminWire(at.target, adminOf(at), {
      ...this.options,
      applicationName: `dsops ${marker}`,
    });
    return new PostgresqlSession(session, at.target, this.options.limits);
  }

  endSession(at: At, identity: SessionIdentity): Promise<'ended'> {
    return endBackend(at.target, adminOf(at), identity, this.options);
  }

  async probe(target: PostgresqlTarget, login: Login, verification: Verification<PostgresqlCheck>): Promise<Probe> {
    const startedMs = performance.now();
    const attempt = await attemptLogin(target, login, verification, this.options.authorities);
    return { ...judge(attempt, target, login), durationMs: Math.round(performance.now() - startedMs) };
  }
}
