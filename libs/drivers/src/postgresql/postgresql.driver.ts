import type { Target } from '@dsops/contracts/rotation/api';
import type { Secret } from '@dsops/kernel';
import type {
  DriverFacts,
  Login,
  PlanFindings,
  Probe,
  SessionIdentity,
  TargetDriver,
  TargetSession,
  Verification,
} from '../driver.js';
import { openAdminWire } from './admin-wire.js';
import { endBackend } from './end-session.js';
import type { Wanted } from './findings.js';
import { inspectTarget } from './inspect.js';
import { judge } from './judge.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { generatePassword } from './password.js';
import { PostgresqlSession } from './postgresql.session.js';
import { attemptLogin } from './probe.js';

export interface PostgresqlDriverOptions {
  readonly limits?: Partial<Limits>;
  /** Certificates (PEM) of private authorities that `verify-full` trusts besides the system's. */
  readonly authorities?: readonly string[];
}

/**
 * Logins of PostgreSQL 16 and newer. A slot is a role; idle, it is NOLOGIN and has no password, which pg_roles shows to
 * everybody. What it asks of the target is in docs/targets/postgresql.md.
 */
export class PostgresqlDriver implements TargetDriver {
  readonly type = 'postgresql';

  readonly facts: DriverFacts = {
    origin: 'chosen',
    authority: 'admin',
    slots: 2,
    marker: 'none',
    abandonment: { by: 'ending-session' },
    propagationMs: 0,
    lockout: null,
    refusesOldValues: false,
    evidence: {
      source: 'pg_stat_activity',
      covers: 'sessions that are open now, by role',
      blindSpots: [
        'clients that hold the value and are not connected now',
        'clients behind a pooler that keeps connections of its own',
        'logins at standby servers',
      ],
    },
  };

  private readonly options: { readonly limits: Limits; readonly authorities: readonly string[] };

  constructor({ limits = {}, authorities = [] }: PostgresqlDriverOptions = {}) {
    this.options = { limits: { ...DEFAULT_LIMITS, ...limits }, authorities };
  }

  generate(): Secret {
    return generatePassword();
  }

  inspect(target: Target, admin: Login, wanted: Wanted): Promise<PlanFindings> {
    return inspectTarget(target, admin, wanted, this.options);
  }

  async openSession(target: Target, admin: Login, marker: string): Promise<TargetSession> {
    const session = await openAdminWire(target, admin, { ...this.options, applicationName: `dsops ${marker}` });
    return new PostgresqlSession(session, target, this.options.limits);
  }

  endSession(target: Target, admin: Login, identity: SessionIdentity): Promise<'ended'> {
    return endBackend(target, admin, identity, this.options);
  }

  async probe(target: Target, login: Login, verification: Verification): Promise<Probe> {
    const startedMs = performance.now();
    const attempt = await attemptLogin(target, login, verification, this.options.authorities);
    return { ...judge(attempt, target, login), durationMs: Math.round(performance.now() - startedMs) };
  }
}
