import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { DomainError } from '@dsops/kernel';
import type { Login, SessionIdentity } from '../driver.js';
import { ask, INSTANT, openAdminWire, type BackendIdentity } from './admin-wire.js';
import { placeOf } from './answers.js';
import type { Limits } from '../kit/limits.js';

/**
 * backend_start is null for who may not see it: such a row must not pass for "another process, ours is gone".
 * A row is there until the transaction of the process has ended: it leaves pg_stat_activity only after that.
 */
const END = `
  SELECT to_char(backend_start AT TIME ZONE 'UTC', ${INSTANT}) AS "backendStart",
         CASE WHEN to_char(backend_start AT TIME ZONE 'UTC', ${INSTANT}) = $2 THEN pg_terminate_backend(pid) END
    FROM pg_stat_activity WHERE pid = $1`;

/**
 * Ends exactly the session with this identity and waits until the server shows it no more. A restart of the server ended
 * it as well.
 * @throws DomainError `target_replaced`, `missing_right`, `session_not_ended`, or what keeps us from the target.
 */
export async function endBackend(
  target: PostgresqlTarget,
  admin: Login,
  identity: SessionIdentity,
  options: { limits: Limits; authorities: readonly string[] },
): Promise<'ended'> {
  const wanted = readIdentity(identity);
  const { limits } = options;
  const session = await openAdminWire(target, admin, { ...options, applicationName: 'dsops ends a session' });
  try {
    if (isAnotherServer(session.identity, wanted)) throw replaced(target);
    if (session.identity.postmasterStart !== wanted.postmasterStart) return 'ended';
    const deadline = performance.now() + limits.endTimeoutMs;
    for (;;) {
      const [row] = await ask<{ backendStart: string | null }>(
        session.wire,
        target,
        END,
        [wanted.pid, wanted.backendStart],
        limits.answerTimeoutMs,
      );
      if (row === undefined) return 'ended';
      if (row.backendStart === null) throw mayNotSee(target, admin);
      if (row.backendStart !== wanted.backendStart) return 'ended';
      if (performance.now() > deadline) throw notEnded(target, wanted);
      await new Promise((resume) => setTimeout(resume, limits.lookEveryMs));
    }
  } finally {
    await session.wire.close();
  }
}

/** Another initdb: what we see there says nothing about a session elsewhere, which may still live. */
const isAnotherServer = (here: BackendIdentity, wanted: BackendIdentity): boolean =>
  here.systemIdentifier !== '' && wanted.systemIdentifier !== '' && here.systemIdentifier !== wanted.systemIdentifier;

function readIdentity(identity: SessionIdentity): BackendIdentity {
  const { pid, backendStart, postmasterStart, systemIdentifier = '' } = identity;
  if (
    typeof pid === 'number' &&
    typeof backendStart === 'string' &&
    typeof postmasterStart === 'string' &&
    typeof systemIdentifier === 'string'
  )
    return { pid, backendStart, postmasterStart, systemIdentifier };
  throw new DomainError('session_identity_unreadable', 'internal', 'This is no identity of a PostgreSQL session.', {
    remedy: 'Look at the journal of the rotation.',
  });
}

const replaced = (target: PostgresqlTarget) =>
  new DomainError('target_replaced', 'conflict', `${placeOf(target)} is another PostgreSQL server than before.`, {
    about: 'target',
    remedy: 'Make sure that the former server is off, then confirm it to dsops.',
  });

const mayNotSee = (target: PostgresqlTarget, admin: Login) =>
  new DomainError(
    'missing_right',
    'conflict',
    `${admin.username} may not see whose session is at ${placeOf(target)} under the number of the abandoned one.`,
    {
      about: 'target',
      remedy: 'Use the admin that opened the session, or grant pg_read_all_stats and pg_signal_backend.',
    },
  );

const notEnded = (target: PostgresqlTarget, { pid }: BackendIdentity) =>
  new DomainError(
    'session_not_ended',
    'unavailable',
    `The abandoned session ${pid} at ${placeOf(target)} was told to end and is still there.`,
    { about: 'target', remedy: 'Look at it in pg_stat_activity; dsops touches the role only when it is gone.' },
  );
