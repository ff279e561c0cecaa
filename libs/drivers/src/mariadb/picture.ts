import type { MariadbSettings, MariadbTarget } from '@dsops/contracts/rotation/targets/mariadb';
import type { Slot, Wanted } from '../driver.js';
import { ask, type AdminWire } from './admin-wire.js';
import { accountOf, authenticationOf, type Account, type Authentication } from './authentication.js';

/** A slot's account as the server has it. */
export interface AccountPicture {
  readonly slot: Slot;
  readonly account: Account;
  readonly exists: boolean;
  readonly authentication: Authentication;
  /** Hosts of other accounts with the same user name. */
  readonly otherHosts: readonly string[];
}

/** What the plan looks at, read on one connection. */
export interface Picture {
  readonly version: string;
  readonly isReadOnly: boolean;
  /** Wrong passwords after which an account is blocked. */
  readonly mostErrors: number;
  /** Global rights of the admin, as `CREATE USER`. */
  readonly rights: ReadonlySet<string>;
  /** Hosts of accounts without a user name: who comes from there may be taken for nobody in particular. */
  readonly anonymousHosts: readonly string[];
  readonly accounts: readonly AccountPicture[];
  /** Open sessions by user name. */
  readonly sessions: ReadonlyMap<string, number>;
}

const SERVER = `
  SELECT VERSION() AS version, @@global.read_only AS isReadOnly, @@global.max_password_errors AS mostErrors`;
const RIGHTS = `
  SELECT PRIVILEGE_TYPE AS type FROM information_schema.USER_PRIVILEGES
   WHERE GRANTEE = CONCAT("'", REPLACE(CURRENT_USER(), '@', "'@'"), "'")`;
const ACCOUNTS = `SELECT User AS user, Host AS host, Priv AS priv FROM mysql.global_priv WHERE User IN (?) OR User = ''`;
const SESSIONS = `SELECT user, COUNT(*) AS sessions FROM information_schema.PROCESSLIST WHERE user IN (?) GROUP BY user`;

const NOBODY: Authentication = { alternatives: [], isLocked: false, isExpired: false, connectionLimit: 0 };

export async function takePicture(
  session: AdminWire,
  target: MariadbTarget,
  username: string,
  { slots }: Wanted<MariadbSettings>,
  timeoutMs: number,
): Promise<Picture> {
  const look = <Row extends object>(text: string, values: readonly unknown[] = []) =>
    ask<Row>(session, target, username, text, values, timeoutMs);
  const users = [...new Set(slots.map(({ login }) => login))];
  const [server] = await look<{ version: string; isReadOnly: number | string; mostErrors: number }>(SERVER);
  const rights = await look<{ type: string }>(RIGHTS);
  const rows = await look<{ user: string; host: string; priv: unknown }>(ACCOUNTS, [users]);
  const sessions = await look<{ user: string; sessions: number }>(SESSIONS, [users]);
  return {
    version: server?.version ?? '',
    isReadOnly: server !== undefined && !['0', 'OFF'].includes(String(server.isReadOnly)),
    mostErrors: Number(server?.mostErrors ?? 0),
    rights: new Set(rights.map(({ type }) => type)),
    anonymousHosts: rows.filter(({ user }) => user === '').map(({ host }) => host),
    accounts: slots.map((slot) => {
      const account = accountOf(slot);
      const own = rows.filter(({ user }) => user === account.user);
      const row = own.find(({ host }) => host === account.host);
      const priv: unknown = typeof row?.priv === 'string' ? JSON.parse(row.priv) : row?.priv;
      return {
        slot,
        account,
        exists: row !== undefined,
        authentication: row === undefined ? NOBODY : authenticationOf(priv),
        otherHosts: own.flatMap(({ host }) => (host === account.host ? [] : [host])),
      };
    }),
    sessions: new Map(sessions.map((one) => [one.user, Number(one.sessions)])),
  };
}
