import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { ask, type AdminWire } from './admin-wire.js';
import { readTraits, type Traits } from './traits.js';
import type { Wanted } from './wanted.js';

/** A role that is a slot, as the catalogs show it to everybody. */
export interface SlotPicture {
  readonly name: string;
  readonly canLogin: boolean;
  readonly isSuperuser: boolean;
  /** -1: no limit. */
  readonly connectionLimit: number;
  /** UTC; null when the password is valid for ever. */
  readonly validUntil: string | null;
  readonly isExpired: boolean;
  /** May the admin alter it (ADMIN OPTION), and end its sessions? */
  readonly adminMayAlter: boolean;
  readonly adminMayEndSessions: boolean;
  /** May it act as the owner; null when there is no such owner. */
  readonly mayActAsOwner: boolean | null;
  /** The role its sessions begin as (`ALTER ROLE … SET role`), null when they begin as itself. */
  readonly beginsAs: string | null;
  readonly mayConnect: boolean;
  /** Is it a member of the admin, directly or not? */
  readonly reachesAdmin: boolean;
  readonly sessions: number;
  /** Objects in all databases that belong to the slot itself. */
  readonly ownedObjects: number;
  /** Ten of them at most, as PostgreSQL describes them: those that can be named from this database. */
  readonly ownedNames: readonly string[];
}

/** What the plan looks at, read on one connection. */
export interface Picture {
  readonly isStandby: boolean;
  readonly version: string;
  /** As server_version_num: 180004 is 18.4. */
  readonly versionNumber: number;
  readonly isReadOnly: boolean;
  readonly passwordEncryption: string;
  readonly admin: {
    readonly username: string;
    readonly isSuperuser: boolean;
    readonly mayCreateRoles: boolean;
  };
  readonly owner: { readonly name: string; readonly canLogin: boolean } | null;
  /** Connections that ordinary roles can have, and how many are taken. */
  readonly connections: { readonly limit: number; readonly used: number };
  readonly slots: readonly SlotPicture[];
  /** Slots and owner whose rights the admin has, or as whom it may act; empty for a superuser, who has all. */
  readonly reach: readonly Reach[];
  /** What is compared of two slots that take turns; null where there are no two. */
  readonly traits: Traits | null;
}

export interface Reach {
  readonly role: string;
  /** It has the rights as it is; false: only after SET ROLE. */
  readonly inherits: boolean;
  /** Does a membership of its own give that, or one through another role? */
  readonly isDirect: boolean;
  /** Does the server know INHERIT and SET of a membership (from 16 on)? */
  readonly hasOptions: boolean;
}

const SERVER = `
  SELECT current_setting('server_version') AS version,
         current_setting('server_version_num')::int AS "versionNumber",
         current_setting('default_transaction_read_only')::bool AS "isReadOnly",
         current_setting('password_encryption') AS "passwordEncryption",
         r.rolname AS username, r.rolsuper AS "isSuperuser", r.rolcreaterole AS "mayCreateRoles",
         current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0) AS "limit",
         (SELECT sum(numbackends) FROM pg_stat_database)::int AS used,
         o.rolname AS owner, o.rolcanlogin AS "ownerCanLogin"
    FROM pg_roles r LEFT JOIN pg_roles o ON o.rolname = $1
   WHERE r.rolname = current_user`;

/** $3 is the name of the privilege that lets a member act as a role: SET since PostgreSQL 16, MEMBER before. */
const SLOTS = `
  SELECT s.rolname AS name, s.rolcanlogin AS "canLogin", s.rolsuper AS "isSuperuser",
         s.rolconnlimit AS "connectionLimit",
         to_char(nullif(s.rolvaliduntil, 'infinity') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') AS "validUntil",
         coalesce(s.rolvaliduntil <= now(), false) AS "isExpired",
         pg_has_role(s.oid, 'MEMBER WITH ADMIN OPTION') AS "adminMayAlter",
         pg_has_role(s.oid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE') AS "adminMayEndSessions",
         pg_has_role(s.oid, o.oid, $3) AS "mayActAsOwner",
         (SELECT substr(setting, 6) FROM pg_db_role_setting c, unnest(c.setconfig) setting
           WHERE c.setrole IN (0, s.oid) AND c.setdatabase IN (0, d.oid) AND setting LIKE 'role=%'
           ORDER BY c.setrole <> 0 DESC, c.setdatabase <> 0 DESC LIMIT 1) AS "beginsAs",
         has_database_privilege(s.oid, d.oid, 'CONNECT') AS "mayConnect",
         pg_has_role(s.oid, a.oid, 'MEMBER') AS "reachesAdmin",
         (SELECT count(*) FROM pg_stat_activity WHERE usesysid = s.oid AND pid <> pg_backend_pid())::int AS sessions,
         (SELECT count(*) FROM pg_shdepend
           WHERE refclassid = 'pg_authid'::regclass AND refobjid = s.oid AND deptype = 'o')::int AS "ownedObjects",
         ARRAY(SELECT pg_describe_object(classid, objid, objsubid) FROM pg_shdepend
                WHERE refclassid = 'pg_authid'::regclass AND refobjid = s.oid AND deptype = 'o' AND dbid IN (0, d.oid)
                ORDER BY 1 LIMIT 10) AS "ownedNames"
    FROM pg_roles s
    JOIN pg_database d ON d.datname = current_database()
    JOIN pg_roles a ON a.rolname = current_user
    LEFT JOIN pg_roles o ON o.rolname = $2
   WHERE s.rolname = ANY ($1)`;

/** $2 as in {@link SLOTS}. */
const REACH = `
  SELECT s.rolname AS role, pg_has_role(s.oid, 'USAGE') AS inherits,
         current_setting('server_version_num')::int >= 160000 AS "hasOptions",
         EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = s.oid AND m.member = a.oid
           AND coalesce((to_jsonb(m) ->> 'inherit_option')::bool OR (to_jsonb(m) ->> 'set_option')::bool, true)) AS "isDirect"
    FROM pg_roles s JOIN pg_roles a ON a.rolname = current_user
   WHERE s.rolname = ANY ($1) AND s.oid <> a.oid AND NOT a.rolsuper
     AND (pg_has_role(s.oid, 'USAGE') OR pg_has_role(s.oid, $2))
   ORDER BY s.rolname`;

interface ServerRow {
  version: string;
  versionNumber: number;
  isReadOnly: boolean;
  passwordEncryption: string;
  username: string;
  isSuperuser: boolean;
  mayCreateRoles: boolean;
  limit: number;
  used: number;
  owner: string | null;
  ownerCanLogin: boolean | null;
}

/** Reads catalogs that everybody may read, so it works with the least rights and shows which are missing. */
export async function takePicture(
  session: AdminWire,
  target: PostgresqlTarget,
  wanted: Wanted,
  timeoutMs: number,
): Promise<Picture> {
  const { wire, isStandby } = session;
  const [server] = await ask<ServerRow>(wire, target, SERVER, [wanted.owner], timeoutMs);
  if (server === undefined) throw new TypeError('The catalogs know no current user.');
  const actAs = server.versionNumber >= 160_000 ? 'SET' : 'MEMBER';
  const slots = await ask<SlotPicture>(wire, target, SLOTS, [wanted.slots, wanted.owner, actAs], timeoutMs);
  const roles = wanted.owner === null ? wanted.slots : [...wanted.slots, wanted.owner];
  const reach = await ask<Reach>(wire, target, REACH, [roles, actAs], timeoutMs);
  const isComparable = wanted.shape === 'side-by-side' && slots.length === 2;
  const traits = isComparable ? await readTraits(session, target, wanted, timeoutMs) : null;
  const { version, versionNumber, isReadOnly, passwordEncryption, username, isSuperuser, mayCreateRoles } = server;
  return {
    isStandby,
    version,
    versionNumber,
    isReadOnly,
    passwordEncryption,
    admin: { username, isSuperuser, mayCreateRoles },
    owner: server.owner === null ? null : { name: server.owner, canLogin: server.ownerCanLogin ?? false },
    connections: { limit: server.limit, used: server.used },
    slots,
    reach,
    traits,
  };
}
