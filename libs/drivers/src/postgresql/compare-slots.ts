import pg from 'pg';
import type { Finding } from '@dsops/contracts/rotation/api';
import { warning } from '../kit/findings.js';
import { quote } from './answers.js';

/**
 * One thing that a slot has at the server beside its password, in the catalogs' words.
 * A `setting` of `ALTER ROLE … SET`, an `attribute` such as BYPASSRLS, a `limit` of connections, a `membership`, or a
 * `grant`: an object on which the slot itself was granted something, by a default privilege or a policy too.
 */
export interface Trait {
  readonly slot: string;
  readonly kind: 'setting' | 'attribute' | 'limit' | 'membership' | 'grant';
  readonly name: string;
  /** The database to which it is limited; null: everywhere. */
  readonly database: string | null;
  readonly value: string;
}

/** `role` is left out: whose objects a slot makes is judged by itself. $2 is the owner, of whom each has to be a member. */
export const TRAITS = `
  WITH slots AS (SELECT * FROM pg_roles WHERE rolname = ANY ($1))
  SELECT s.rolname AS slot, 'setting' AS kind, split_part(setting, '=', 1) AS name, d.datname AS database,
         substr(setting, strpos(setting, '=') + 1) AS value
    FROM slots s JOIN pg_db_role_setting c ON c.setrole = s.oid CROSS JOIN unnest(c.setconfig) setting
    LEFT JOIN pg_database d ON d.oid = c.setdatabase
   WHERE setting NOT LIKE 'role=%'
  UNION ALL
  SELECT s.rolname, 'attribute', a.name, NULL, CASE WHEN a.has THEN a.name ELSE 'NO' || a.name END
    FROM slots s CROSS JOIN LATERAL (VALUES ('BYPASSRLS', s.rolbypassrls), ('INHERIT', s.rolinherit),
         ('CREATEDB', s.rolcreatedb), ('CREATEROLE', s.rolcreaterole), ('REPLICATION', s.rolreplication),
         ('SUPERUSER', s.rolsuper)) a (name, has)
  UNION ALL
  SELECT s.rolname, 'limit', 'CONNECTION LIMIT', NULL, s.rolconnlimit::text FROM slots s
  UNION ALL
  SELECT s.rolname, 'membership', g.rolname, NULL,
         CASE WHEN current_setting('server_version_num')::int < 160000
              THEN CASE WHEN bool_or(m.admin_option) THEN ' WITH ADMIN OPTION' ELSE '' END
              ELSE format(' WITH ADMIN %s, INHERIT %s, SET %s', upper(bool_or(m.admin_option)::text),
                          upper(bool_or((to_jsonb(m) ->> 'inherit_option')::bool)::text),
                          upper(bool_or((to_jsonb(m) ->> 'set_option')::bool)::text))
         END
    FROM slots s JOIN pg_auth_members m ON m.member = s.oid JOIN pg_roles g ON g.oid = m.roleid
   WHERE g.rolname IS DISTINCT FROM $2
   GROUP BY s.rolname, g.rolname
  UNION ALL
  SELECT DISTINCT s.rolname, 'grant', pg_describe_object(p.classid, p.objid, p.objsubid), NULL, 'granted'
    FROM slots s JOIN pg_shdepend p ON p.refclassid = 'pg_authid'::regclass AND p.refobjid = s.oid
   WHERE p.deptype IN ('a', 'r') AND p.classid <> 'pg_auth_members'::regclass
     AND p.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
   ORDER BY 2, 3`;

/** More than a person reads in one plan. */
const SHOWN = 20;

/** Settings whose value is a list of names, which one literal would make one name of (GUC_LIST_QUOTE). */
const LISTS = new Set(['search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries']);

/** What `idle` has otherwise than `used`, each with the statement that gives it what `used` has. */
export function compareSlots(traits: readonly Trait[], used: string, idle: string): Finding[] {
  const byKey = (slot: string) =>
    new Map(traits.filter((one) => one.slot === slot).map((one) => [keyOf(one), one] as const));
  const [here, there] = [byKey(used), byKey(idle)];
  const keys = [...new Set([...here.keys(), ...there.keys()])].filter(
    (key) => here.get(key)?.value !== there.get(key)?.value,
  );
  const findings = keys.slice(0, SHOWN).map((key) => difference(here.get(key), there.get(key), used, idle));
  if (keys.length > SHOWN)
    findings.push(
      warning(
        'slot-difference',
        `${used} and ${idle} differ in ${keys.length - SHOWN} more ways.`,
        'Make those above alike, then plan again.',
      ),
    );
  return findings;
}

const keyOf = ({ kind, name, database }: Trait): string => JSON.stringify([kind, name, database]);

function difference(here: Trait | undefined, there: Trait | undefined, used: string, idle: string): Finding {
  const trait = here ?? there;
  if (trait === undefined) throw new TypeError('A difference is about something that one of the two has.');
  const subject = SUBJECT[trait.kind](trait);
  return warning(
    'slot-difference',
    `${subject} is ${saying(here)} for ${used} and ${saying(there)} for ${idle}: what works through one may fail through the other.`,
    MENDING[trait.kind](trait, here, idle),
  );
}

const saying = (trait: Trait | undefined): string => {
  if (trait === undefined) return 'absent';
  return trait.kind === 'grant' || trait.kind === 'membership'
    ? `there${trait.value.replace('granted', '')}`
    : trait.value;
};

const SUBJECT: Record<Trait['kind'], (trait: Trait) => string> = {
  setting: ({ name, database }) => `The setting ${name}${database === null ? '' : ` in database ${database}`}`,
  attribute: ({ name }) => `The attribute ${name}`,
  limit: ({ name }) => name,
  membership: ({ name }) => `The membership in ${name}`,
  grant: ({ name }) => `A grant on ${name}`,
};

const MENDING: Record<Trait['kind'], (trait: Trait, here: Trait | undefined, idle: string) => string> = {
  setting: ({ name, database }, here, idle) => {
    const role = `ALTER ROLE ${quote(idle)}${database === null ? '' : ` IN DATABASE ${quote(database)}`}`;
    const setting = name.split('.').map(quote).join('.');
    return here === undefined
      ? `Run ${role} RESET ${setting}; on the target.`
      : `Run ${role} SET ${setting} = ${settingValue(name, here.value)}; on the target.`;
  },
  attribute: (_, here, idle) => `Run ALTER ROLE ${quote(idle)} ${here?.value}; on the target.`,
  limit: (_, here, idle) => `Run ALTER ROLE ${quote(idle)} CONNECTION LIMIT ${here?.value}; on the target.`,
  membership: ({ name }, here, idle) =>
    here === undefined
      ? `Run REVOKE ${quote(name)} FROM ${quote(idle)}; on the target.`
      : `Run GRANT ${quote(name)} TO ${quote(idle)}${here.value}; on the target.`,
  grant: () => 'Grant both logins the same there, or better their owner.',
};

/** The catalog holds a list with its names quoted; an empty one has no quoted form but that of a literal. */
const settingValue = (name: string, value: string): string =>
  LISTS.has(name.toLowerCase()) ? value.replaceAll('""', "''") || "''" : pg.escapeLiteral(value);
