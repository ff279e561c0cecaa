import type { MariadbTarget } from '@dsops/contracts/rotation/targets/mariadb';
import type { ConsumersSeen, EvidenceFact, Login, Slot } from '../driver.js';
import type { Limits } from '../kit/limits.js';
import { ask, openAdminWire } from './admin-wire.js';

export const EVIDENCE: EvidenceFact = {
  source: 'information_schema.PROCESSLIST',
  covers: 'sessions that are open at this server',
  blindSpots: [
    'a session that begins and ends between two looks',
    'sessions at other servers, such as replicas',
    'who stands behind a proxy, which is seen in their place',
    'how an application names itself, and since when its session is open',
  ],
};

const MAY_SEE = `
  SELECT COUNT(*) AS rights FROM information_schema.USER_PRIVILEGES
   WHERE PRIVILEGE_TYPE = 'PROCESS' AND GRANTEE = CONCAT("'", REPLACE(CURRENT_USER(), '@', "'@'"), "'")`;
/** HOST is a name or an address with the port behind it. */
const SESSIONS = `
  SELECT USER AS login, SUBSTRING_INDEX(HOST, ':', GREATEST(1, LENGTH(HOST) - LENGTH(REPLACE(HOST, ':', '')))) AS address
    FROM information_schema.PROCESSLIST WHERE USER IN (?) AND ID <> CONNECTION_ID() ORDER BY USER, ID`;

/** @throws DomainError what keeps us from the target, or from looking */
export async function lookForConsumers(
  target: MariadbTarget,
  admin: Login,
  slots: readonly Slot[],
  options: { readonly limits: Limits; readonly authorities: readonly string[] },
): Promise<ConsumersSeen> {
  const session = await openAdminWire(target, admin, { ...options, marker: 'consumers' });
  try {
    const look = <Row extends object>(text: string, values: readonly unknown[] = []) =>
      ask<Row>(session, target, admin.username, text, values, options.limits.answerTimeoutMs);
    const logins = [...new Set(slots.map(({ login }) => login))];
    const [{ rights } = { rights: 0 }] = await look<{ rights: number }>(MAY_SEE);
    const isWhole = Number(rights) > 0;
    const rows = await look<{ login: string; address: string | null }>(SESSIONS, [logins]);
    return {
      sessions: rows.map(({ login, address }) => ({ login, address, application: null, since: null })),
      isWhole,
      blindSpots: isWhole ? [] : [`sessions of others, which ${admin.username} may not see without PROCESS`],
    };
  } finally {
    await session.wire.close();
  }
}
