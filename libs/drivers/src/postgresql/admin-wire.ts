import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { DomainError } from '@dsops/kernel';
import type { Login, SessionIdentity } from '../driver.js';
import { placeOf, pooledError, sessionError } from './answers.js';
import { failureOf } from './failure.js';
import type { Limits } from '../kit/limits.js';
import { Wire } from './wire.js';

/** A server process and the life of the server it belongs to. Process ids are used again, start times are not. */
export interface BackendIdentity extends SessionIdentity {
  readonly pid: number;
  /** When the process began, UTC, in microseconds, as the server says it. */
  readonly backendStart: string;
  /** When the server began; a later one means that every session of before is gone. */
  readonly postmasterStart: string;
  /** Given at initdb and shared with standbys; empty when the admin may not read it. */
  readonly systemIdentifier: string;
}

export interface AdminWire {
  readonly wire: Wire;
  readonly identity: BackendIdentity;
  readonly isStandby: boolean;
}

/** A session that nobody uses any more, because dsops was killed, ends by itself. */
const IDLE_SESSION_MS = 300_000;

/** Everything is set for this session only, so that no default of the target or of the role makes a command
 * unbounded, or one of another role. */
const settingsOf = (limits: Limits) => ({
  statement_timeout: String(limits.statementTimeoutMs),
  lock_timeout: String(limits.lockTimeoutMs),
  idle_session_timeout: String(IDLE_SESSION_MS),
  search_path: 'pg_catalog',
  role: 'none',
});

export const INSTANT = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;

/** A command that was answered must survive a crash of the target, so synchronous_commit = off does not count here. */
const WHO_AM_I = `
  SELECT pg_backend_pid() AS pid,
         (SELECT to_char(backend_start AT TIME ZONE 'UTC', ${INSTANT}) FROM pg_stat_activity
           WHERE pid = pg_backend_pid()) AS "backendStart",
         to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', ${INSTANT}) AS "postmasterStart",
         pg_is_in_recovery() AS "isStandby",
         has_function_privilege(to_regprocedure('pg_control_system()'), 'EXECUTE') AS "maySeeSystem",
         CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END`;

interface WhoAmI {
  pid: number;
  backendStart: string | null;
  postmasterStart: string;
  isStandby: boolean;
  maySeeSystem: boolean | null;
}

/**
 * Logs the admin in and learns which server process serves it.
 * @throws DomainError with what refused us; nothing was changed. `target_pooled` when the process is not ours alone.
 */
export async function openAdminWire(
  target: PostgresqlTarget,
  admin: Login,
  options: { applicationName: string; limits: Limits; authorities: readonly string[] },
): Promise<AdminWire> {
  const { limits } = options;
  let wire: Wire | undefined;
  try {
    wire = await Wire.open(target, admin, {
      connectTimeoutMs: limits.connectTimeoutMs,
      applicationName: options.applicationName,
      authorities: options.authorities,
      settings: settingsOf(limits),
    });
    const [self] = await wire.query<WhoAmI>(WHO_AM_I, [], limits.answerTimeoutMs);
    if (self === undefined || self.backendStart === null || wire.backendPid !== self.pid) throw pooledError(target);
    const [system] = self.maySeeSystem
      ? await wire.query<{ id: string }>(
          'SELECT system_identifier::text AS id FROM pg_control_system()',
          [],
          limits.answerTimeoutMs,
        )
      : [];
    const { pid, backendStart, postmasterStart, isStandby } = self;
    return { wire, identity: { pid, backendStart, postmasterStart, systemIdentifier: system?.id ?? '' }, isStandby };
  } catch (error) {
    wire?.cut();
    throw error instanceof DomainError ? error : sessionError(failureOf(error), target, admin.username);
  }
}

/** One question that changes nothing, on an open administrative connection. */
export async function ask<Row extends object>(
  wire: Wire,
  target: PostgresqlTarget,
  text: string,
  values: unknown[],
  timeoutMs: number,
): Promise<Row[]> {
  try {
    return await wire.query<Row & Record<string, unknown>>(text, values, timeoutMs);
  } catch (error) {
    const failure = failureOf(error);
    if (failure.kind === 'answer' && failure.sqlState === '42501')
      throw new DomainError('missing_right', 'conflict', `The admin may not look at roles at ${placeOf(target)}.`, {
        about: 'target',
        remedy: 'Give it the rights that docs/targets/postgresql.md lists.',
      });
    if (failure.kind === 'answer')
      throw new DomainError(
        'target_refused',
        'unavailable',
        `PostgreSQL at ${placeOf(target)} did not answer a question about its roles (SQLSTATE ${failure.sqlState}).`,
        {
          about: 'target',
          remedy: 'Look up the time of this attempt in the log of the target.',
          sqlState: failure.sqlState,
        },
      );
    throw sessionError(failure, target, '');
  }
}
