import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { isDomainError } from '@dsops/kernel';
import { ask, type AdminWire } from './admin-wire.js';

/** One thing that a slot has, and by which it may differ from the other. */
export interface Trait {
  readonly slot: string;
  /** As a person names it to accept a difference: `setting:search_path`, `grant:table public.orders`. */
  readonly name: string;
  readonly value: string;
  /** What of it counts in a session that runs as the owner; null: nothing. */
  readonly asOwner: string | null;
  /** Statements that give it to a role and take it away, with {@link ROLE} in the place of the role's name. */
  readonly give: string;
  readonly take: string | null;
}

export interface Traits {
  readonly of: readonly Trait[];
  /** Kinds that the administrator may not read, or got no answer about. */
  readonly unread: readonly string[];
}

export const ROLE = '\u0001';

/** $1 are the slots, $2 is the owner. All of it is read with search_path pg_catalog, so that names come with their schema. */
const QUERIES: Readonly<Record<string, string>> = {
  // Where sessions begin in this database (`role`) is judged by itself: see assess-slots.ts.
  setting: `
    SELECT s.rolname AS slot, 'setting:' || g.key || coalesce(' in database ' || quote_ident(d.datname), '') AS name,
           g.value, g.value AS "asOwner",
           format('ALTER ROLE %s%s SET %I = %s;', chr(1), ' IN DATABASE ' || quote_ident(d.datname), g.key,
             CASE WHEN g.key IN ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries')
                       AND g.value <> ''
                  THEN replace(g.value, '""', '''''') ELSE quote_literal(g.value) END) AS give,
           format('ALTER ROLE %s%s RESET %I;', chr(1), ' IN DATABASE ' || quote_ident(d.datname), g.key) AS take
      FROM pg_db_role_setting c
      JOIN pg_roles s ON s.oid = c.setrole
      LEFT JOIN pg_database d ON d.oid = c.setdatabase
     CROSS JOIN LATERAL (SELECT split_part(one, '=', 1) AS key, substr(one, strpos(one, '=') + 1) AS value
                           FROM unnest(c.setconfig) one) g
     WHERE s.rolname = ANY ($1)
       AND NOT (g.key = 'role' AND (d.oid IS NULL OR d.datname = current_database()) AND $2::text IS NOT NULL)`,
  // Before PostgreSQL 16 a membership has no options but ADMIN: the member's INHERIT decides, and SET is always there.
  member: `
    SELECT s.rolname AS slot, 'member:' || r.rolname AS name,
           concat_ws(', ', 'member', CASE WHEN m.admin THEN 'ADMIN' END, CASE WHEN m.inherit THEN 'INHERIT' END,
                     CASE WHEN m.may_set THEN 'SET' END) AS value,
           concat_ws(', ', 'member', CASE WHEN m.may_set THEN 'SET' END) AS "asOwner",
           format('GRANT %I TO %s', r.rolname, chr(1)) ||
             CASE WHEN m.has_options THEN format(' WITH ADMIN %s, INHERIT %s, SET %s;', m.admin::text, m.inherit::text, m.may_set::text)
                  WHEN m.admin THEN ' WITH ADMIN OPTION;' ELSE ';' END AS give,
           m.take || ';' AS take
      FROM (SELECT m.member, m.roleid, bool_or(m.admin_option) AS admin,
                   bool_or(coalesce((to_jsonb(m) ->> 'inherit_option')::bool, r.rolinherit)) AS inherit,
                   bool_or(coalesce((to_jsonb(m) ->> 'set_option')::bool, true)) AS may_set,
                   bool_or(to_jsonb(m) ? 'set_option') AS has_options,
                   string_agg(format('REVOKE %I FROM %s', o.rolname, chr(1))
                     || CASE WHEN to_jsonb(m) ? 'set_option' THEN ' GRANTED BY ' || quote_ident(g.rolname) ELSE '' END,
                     '; ') AS take
              FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member JOIN pg_roles o ON o.oid = m.roleid
              LEFT JOIN pg_roles g ON g.oid = m.grantor
             GROUP BY m.member, m.roleid) m
      JOIN pg_roles s ON s.oid = m.member
      JOIN pg_roles r ON r.oid = m.roleid
     WHERE s.rolname = ANY ($1) AND r.rolname IS DISTINCT FROM $2`,
  // A session is admitted as the slot before it becomes the owner: what is looked at then counts.
  attribute: `
    SELECT s.rolname AS slot, 'attribute:' || a.name AS name, a.value, CASE WHEN a.counts THEN a.value END AS "asOwner",
           format('ALTER ROLE %s %s;', chr(1), a.value) AS give, NULL AS take
      FROM pg_roles s
     CROSS JOIN LATERAL (VALUES
       ('superuser', CASE WHEN s.rolsuper THEN '' ELSE 'NO' END || 'SUPERUSER', true),
       ('replication', CASE WHEN s.rolreplication THEN '' ELSE 'NO' END || 'REPLICATION', true),
       ('connection-limit', 'CONNECTION LIMIT ' || s.rolconnlimit, true),
       ('valid-until', 'VALID UNTIL ' || quote_literal(coalesce(
          to_char(nullif(s.rolvaliduntil, 'infinity') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00"'), 'infinity')), true),
       ('inherit', CASE WHEN s.rolinherit THEN '' ELSE 'NO' END || 'INHERIT', false),
       ('bypassrls', CASE WHEN s.rolbypassrls THEN '' ELSE 'NO' END || 'BYPASSRLS', false),
       ('createdb', CASE WHEN s.rolcreatedb THEN '' ELSE 'NO' END || 'CREATEDB', false),
       ('createrole', CASE WHEN s.rolcreaterole THEN '' ELSE 'NO' END || 'CREATEROLE', false)) a (name, value, counts)
     WHERE s.rolname = ANY ($1)`,
  grant: `
    WITH object (kind, ident, col, acl, owner) AS (
      SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass::text, '', relacl, relowner FROM pg_class
      UNION ALL SELECT 'TABLE', c.oid::regclass::text, format(' (%I)', a.attname), a.attacl, c.relowner
                  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
      UNION ALL SELECT CASE prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, oid::regprocedure::text, '', proacl, proowner
                  FROM pg_proc WHERE proacl IS NOT NULL
      UNION ALL SELECT 'SCHEMA', quote_ident(nspname), '', nspacl, nspowner FROM pg_namespace
      UNION ALL SELECT 'DATABASE', quote_ident(datname), '', datacl, datdba FROM pg_database
      UNION ALL SELECT 'TABLESPACE', quote_ident(spcname), '', spcacl, spcowner FROM pg_tablespace
      UNION ALL SELECT 'TYPE', oid::regtype::text, '', typacl, typowner FROM pg_type WHERE typacl IS NOT NULL
      UNION ALL SELECT 'LANGUAGE', quote_ident(lanname), '', lanacl, lanowner FROM pg_language
      UNION ALL SELECT 'FOREIGN SERVER', quote_ident(srvname), '', srvacl, srvowner FROM pg_foreign_server
      UNION ALL SELECT 'FOREIGN DATA WRAPPER', quote_ident(fdwname), '', fdwacl, fdwowner FROM pg_foreign_data_wrapper
      UNION ALL SELECT 'LARGE OBJECT', oid::text, '', lomacl, lomowner FROM pg_largeobject_metadata)
    SELECT DISTINCT s.rolname AS slot, 'grant:' || lower(o.kind) || ' ' || o.ident || o.col AS name,
           e.privilege_type || CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS value, NULL AS "asOwner",
           format('GRANT %s%s ON %s %s TO %s%s;', e.privilege_type, o.col, o.kind, o.ident, chr(1),
                  CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' END) AS give,
           format('REVOKE %s%s ON %s %s FROM %s;', e.privilege_type, o.col, o.kind, o.ident, chr(1)) AS take
      FROM object o CROSS JOIN LATERAL aclexplode(o.acl) e JOIN pg_roles s ON s.oid = e.grantee
     WHERE s.rolname = ANY ($1) AND e.grantee <> o.owner`,
  // What others give a slot, what a slot gives others, and what it does not give everybody although PostgreSQL would.
  'default-privilege': `
    WITH entry AS (
      SELECT d.*, m.rolname AS maker, CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
               WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS kind,
             ' IN SCHEMA ' || quote_ident(n.nspname) AS place
        FROM pg_default_acl d JOIN pg_roles m ON m.oid = d.defaclrole LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace)
    SELECT s.rolname AS slot, 'default-privilege:' || lower(concat(t.kind, t.place)) || t.whose AS name, t.value, NULL AS "asOwner",
           format('ALTER DEFAULT PRIVILEGES FOR ROLE %s%s %s;', t.maker, t.place, t.give) AS give,
           format('ALTER DEFAULT PRIVILEGES FOR ROLE %s%s %s;', t.maker, t.place, t.take) AS take
      FROM pg_roles s CROSS JOIN LATERAL (
        SELECT entry.kind, entry.place, p.value, p.whose, p.maker,
               format('GRANT %s ON %s TO %s%s', e.privilege_type, entry.kind, p.grantee,
                      CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' END) AS give,
               format('REVOKE %s ON %s FROM %s', e.privilege_type, entry.kind, p.grantee) AS take
          FROM entry CROSS JOIN LATERAL aclexplode(entry.defaclacl) e
          LEFT JOIN pg_roles g ON g.oid = e.grantee
         CROSS JOIN LATERAL (SELECT
           e.privilege_type || CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS value,
           CASE WHEN entry.defaclrole = s.oid THEN ' to ' || coalesce(quote_ident(g.rolname), 'PUBLIC')
                ELSE ' by ' || quote_ident(entry.maker) END AS whose,
           CASE WHEN entry.defaclrole = s.oid THEN chr(1) ELSE quote_ident(entry.maker) END AS maker,
           CASE WHEN entry.defaclrole = s.oid THEN coalesce(quote_ident(g.rolname), 'PUBLIC') ELSE chr(1) END AS grantee) p
         WHERE (entry.defaclrole = s.oid AND e.grantee <> s.oid
                AND NOT (entry.defaclnamespace = 0 AND e.grantee = 0 AND entry.defaclobjtype IN ('f', 'T')))
            OR (e.grantee = s.oid AND entry.maker <> ALL ($1))
        UNION ALL
        SELECT entry.kind, entry.place, 'nothing', ' to PUBLIC', chr(1),
               format('REVOKE ALL ON %s FROM PUBLIC', entry.kind), format('GRANT ALL ON %s TO PUBLIC', entry.kind)
          FROM entry
         WHERE entry.defaclrole = s.oid AND entry.defaclnamespace = 0 AND entry.defaclobjtype IN ('f', 'T')
           AND NOT EXISTS (SELECT FROM aclexplode(entry.defaclacl) e WHERE e.grantee = 0)) t
     WHERE s.rolname = ANY ($1)`,
  // To take the last role from a policy would take the policy: the other slot is named in it instead.
  policy: `
    SELECT s.rolname AS slot, format('policy:%I on %s', p.polname, p.polrelid::regclass) AS name, 'named' AS value,
           NULL AS "asOwner",
           format('ALTER POLICY %I ON %s TO %s, %s;', p.polname, p.polrelid::regclass,
             (SELECT string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname) FROM pg_roles r WHERE r.oid = ANY (p.polroles)),
             chr(1)) AS give,
           NULL AS take
      FROM pg_policy p JOIN pg_roles s ON s.oid = ANY (p.polroles)
     WHERE s.rolname = ANY ($1)`,
  // Only the database that is connected to can be looked into; that another one names a slot is known of every database.
  'other-database': `
    SELECT s.rolname AS slot, 'other-database:' || d.datname AS name, 'named by ' || count(*) || ' entries' AS value,
           NULL AS "asOwner", '' AS give, NULL AS take
      FROM pg_shdepend p JOIN pg_roles s ON s.oid = p.refobjid JOIN pg_database d ON d.oid = p.dbid
     WHERE p.refclassid = 'pg_authid'::regclass AND p.deptype IN ('a', 'r')
       AND d.datname <> current_database() AND s.rolname = ANY ($1)
     GROUP BY s.rolname, d.datname`,
};

/** What each slot has, by one question per kind. Catalogs that everybody may read, unless somebody closed them. */
export async function readTraits(
  { wire }: AdminWire,
  target: PostgresqlTarget,
  { slots, owner }: { readonly slots: readonly string[]; readonly owner: string | null },
  timeoutMs: number,
): Promise<Traits> {
  const of: Trait[] = [];
  const unread: string[] = [];
  for (const [kind, text] of Object.entries(QUERIES))
    try {
      const values = text.includes('$2') ? [slots, owner] : [slots];
      of.push(...(await ask<Trait>(wire, target, text, values, timeoutMs)));
    } catch (failure) {
      // Answered, but not with rows: no right, or no time. Whatever else keeps us from the target keeps the plan from it.
      if (!isDomainError(failure) || !['missing_right', 'target_refused'].includes(failure.code)) throw failure;
      unread.push(kind);
    }
  return { of, unread };
}
