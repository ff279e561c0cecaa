import type { MariadbTarget } from '@dsops/contracts/rotation/targets/mariadb';
import { DomainError } from '@dsops/kernel';
import type { Login, SessionIdentity } from '../driver.js';
import type { Limits } from '../kit/limits.js';
import { ask, openAdminWire, type ConnectionIdentity } from './admin-wire.js';
import { placeOf, sessionError } from './answers.js';
import { failureOf } from './failure.js';

/**
 * Ends exactly the session that holds this lock and waits until the lock is free: the server frees it when the session
 * has ended, whatever it was doing, and a restart of the server ended it as well.
 * @throws DomainError `target_replaced`, `missing_right`, `session_not_ended`, or what keeps us from the target.
 */
export async function endConnection(
  target: MariadbTarget,
  admin: Login,
  identity: SessionIdentity,
  options: { readonly limits: Limits; readonly authorities: readonly string[] },
): Promise<'ended'> {
  const { lock, serverUid } = identity as ConnectionIdentity;
  const { limits } = options;
  const session = await openAdminWire(target, admin, { ...options, marker: 'ends a session' });
  try {
    if (session.identity.serverUid !== serverUid) throw replaced(target);
    const deadline = performance.now() + limits.endTimeoutMs;
    for (;;) {
      const [row] = await ask<{ holder: number | null }>(
        session,
        target,
        admin.username,
        'SELECT IS_USED_LOCK(?) AS holder',
        [lock],
        limits.answerTimeoutMs,
      );
      if (row === undefined || row.holder === null) return 'ended';
      if (performance.now() > deadline) throw notEnded(target, row.holder);
      try {
        await session.wire.query(`KILL CONNECTION ${Number(row.holder)}`, [], limits.answerTimeoutMs);
      } catch (error) {
        const failure = failureOf(error);
        // 1094: it has gone by itself.
        if (failure.kind !== 'answer' || failure.errno !== 1094) throw sessionError(failure, target, admin.username);
      }
      await new Promise((resume) => setTimeout(resume, limits.lookEveryMs));
    }
  } finally {
    await session.wire.close();
  }
}

const replaced = (target: MariadbTarget): DomainError =>
  new DomainError('target_replaced', 'conflict', `Another server answers at ${placeOf(target)} than before.`, {
    about: 'target',
    remedy: 'Bring the server back on which the rotation began, or abandon the rotation with a reason.',
  });

const notEnded = (target: MariadbTarget, id: number): DomainError =>
  new DomainError('session_not_ended', 'unavailable', `Session ${id} at ${placeOf(target)} does not end.`, {
    about: 'target',
    remedy: `See what it does in information_schema.PROCESSLIST; dsops keeps trying.`,
  });
