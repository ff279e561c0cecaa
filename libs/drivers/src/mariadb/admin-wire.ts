import { randomBytes } from 'node:crypto';
import type { MariadbTarget } from '@dsops/contracts/rotation/targets/mariadb';
import { DomainError } from '@dsops/kernel';
import type { Login, SessionIdentity } from '../driver.js';
import type { Limits } from '../kit/limits.js';
import { placeOf, sessionError } from './answers.js';
import { failureOf } from './failure.js';
import { Wire } from './wire.js';

/**
 * What tells this session from every other one. Ids of connections begin anew with each start of the server; the lock
 * does not: its name is random, only this session ever holds it, and the server frees it when the session has ended.
 */
export interface ConnectionIdentity extends SessionIdentity {
  readonly connectionId: number;
  readonly lock: string;
  /** Stays the same for one installation of the server. */
  readonly serverUid: string;
}

export interface AdminWire {
  readonly wire: Wire;
  readonly identity: ConnectionIdentity;
}

/** A session that nobody uses any more, because dsops was killed, ends by itself. */
const IDLE_SESSION_S = 300;

/** Set for this session only, so that no default of the server makes a command unbounded or means something else. */
const settingsOf = ({ lockTimeoutMs, statementTimeoutMs }: Limits): string =>
  `SET SESSION lock_wait_timeout = ${Math.max(1, Math.round(lockTimeoutMs / 1000))},
     max_statement_time = ${statementTimeoutMs / 1000}, wait_timeout = ${IDLE_SESSION_S},
     sql_mode = 'STRICT_ALL_TABLES', character_set_client = utf8mb4`;

/**
 * Logs the admin in and learns which session serves it.
 * @throws DomainError with what refused us; nothing was changed.
 */
export async function openAdminWire(
  target: MariadbTarget,
  admin: Login,
  options: { readonly limits: Limits; readonly authorities: readonly string[]; readonly marker: string },
): Promise<AdminWire> {
  const { limits, authorities } = options;
  const lock = `dsops ${options.marker} ${randomBytes(9).toString('base64url')}`.slice(-64);
  let wire: Wire | undefined;
  try {
    wire = await Wire.open(target, admin, { connectTimeoutMs: limits.connectTimeoutMs, authorities });
    await wire.query(settingsOf(limits), [], limits.answerTimeoutMs);
    const [self] = await wire.query<{ id: number; serverUid: string | null; isLocked: number | null; holder: number }>(
      `SELECT CONNECTION_ID() AS id, @@server_uid AS serverUid, GET_LOCK(?, 0) AS isLocked, IS_USED_LOCK(?) AS holder`,
      [lock, lock],
      limits.answerTimeoutMs,
    );
    if (self === undefined || self.isLocked !== 1 || self.holder !== self.id) throw pooled(target);
    return { wire, identity: { connectionId: self.id, lock, serverUid: self.serverUid ?? '' } };
  } catch (error) {
    wire?.cut();
    throw error instanceof DomainError ? error : sessionError(failureOf(error), target, admin.username);
  }
}

const pooled = (target: MariadbTarget): DomainError =>
  new DomainError('target_pooled', 'conflict', `A proxy that shares sessions answers at ${placeOf(target)}.`, {
    about: 'target',
    remedy: 'Give dsops the host and port of the MariaDB server itself.',
  });

/** One question that changes nothing. @throws DomainError with what kept it from being answered */
export async function ask<Row extends object>(
  { wire }: AdminWire,
  target: MariadbTarget,
  username: string,
  text: string,
  values: readonly unknown[],
  timeoutMs: number,
): Promise<Row[]> {
  try {
    return await wire.query<Row>(text, values, timeoutMs);
  } catch (error) {
    throw sessionError(failureOf(error), target, username);
  }
}
