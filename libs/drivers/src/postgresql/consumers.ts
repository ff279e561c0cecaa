import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import type { Consumer, ConsumersSeen, EvidenceFact, Login, Slot } from '../driver.js';
import { ask, openAdminWire } from './admin-wire.js';
import type { Limits } from '../kit/limits.js';

export const EVIDENCE: EvidenceFact = {
  source: 'pg_stat_activity',
  covers: 'sessions that are open at this server',
  blindSpots: [
    'a session that begins and ends between two looks',
    'sessions at other servers, such as standbys',
    'who stands behind a pooler, which is seen in their place',
  ],
};

/**
 * usesysid is shown to everybody, the rest to who is a member of the role or of pg_read_all_stats. Our own logins, which
 * end within a minute, are left out.
 */
const SESSIONS = `
  SELECT r.rolname AS login, a.backend_start IS NULL AS "isHidden", host(a.client_addr) AS address,
         nullif(a.application_name, '') AS application,
         to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS since
    FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
   WHERE r.rolname = ANY($1) AND a.pid <> pg_backend_pid()
     AND NOT (a.application_name = 'dsops probe' AND a.backend_start > now() - interval '1 minute') IS TRUE
   ORDER BY r.rolname, a.backend_start, a.pid`;

/** @throws DomainError what keeps us from the target, or from looking */
export async function lookForConsumers(
  target: PostgresqlTarget,
  admin: Login,
  slots: readonly Slot[],
  options: { limits: Limits; authorities: readonly string[] },
): Promise<ConsumersSeen> {
  const session = await openAdminWire(target, admin, { ...options, applicationName: 'dsops consumers' });
  try {
    const logins = [...new Set(slots.map(({ login }) => login))];
    const rows = await ask<Consumer & { readonly isHidden: boolean }>(
      session.wire,
      target,
      SESSIONS,
      [logins],
      options.limits.answerTimeoutMs,
    );
    const hidden = rows.filter(({ isHidden }) => isHidden).length;
    return {
      sessions: rows.map(({ isHidden: _, ...consumer }) => consumer),
      isWhole: true,
      blindSpots:
        hidden === 0
          ? []
          : [
              `where ${hidden === 1 ? 'a session comes' : `${hidden} sessions come`} from, which ${admin.username} may not see without pg_read_all_stats`,
            ],
    };
  } finally {
    await session.wire.close();
  }
}
