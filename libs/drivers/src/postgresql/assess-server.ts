import type { Finding } from '@dsops/contracts/rotation/api';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { assessEncryption } from '../kit/encryption.js';
import { placeOf, quote } from './answers.js';
import { assessReach } from './assess-reach.js';
import type { Picture } from './picture.js';
import { error, ok, warning } from '../kit/findings.js';
import { administration, endingSessions } from './setup-sql.js';
import type { Wanted } from './wanted.js';

/** PostgreSQL 16 brought the rights on memberships that the least rights are made of. */
const OLDEST_VERSION = 160_000;
/** Rotation, probes and recovery need a few connections at a time. */
const SPARE_CONNECTIONS = 5;

export function assessServer(picture: Picture, target: PostgresqlTarget): Finding[] {
  const findings = [ok('target-reachable', `PostgreSQL ${picture.version} answers at ${placeOf(target)}.`)];
  if (picture.isStandby)
    findings.push(
      error(
        'server-writable',
        `${placeOf(target)} is a standby: it takes no changes.`,
        'Give dsops the address of the primary server.',
      ),
    );
  else if (picture.isReadOnly)
    findings.push(
      error(
        'server-writable',
        `${placeOf(target)} is set to read only, so passwords cannot be changed there.`,
        `Run ALTER ROLE ${quote(picture.admin.username)} SET default_transaction_read_only = off; on the target.`,
      ),
    );
  findings.push(...assessEncryption(target, placeOf(target)), ...assessAuthentication(target));
  const { limit, used } = picture.connections;
  if (limit - used < SPARE_CONNECTIONS)
    findings.push(
      warning(
        'connections',
        `${used} of ${limit} connections are taken: logins of applications and probes may be turned away.`,
        'Close idle connections, or raise max_connections.',
      ),
    );
  else findings.push(ok('connections', `${used} of ${limit} connections are taken.`));
  if (picture.passwordEncryption !== 'scram-sha-256')
    findings.push(
      warning(
        'password-encryption',
        `The server makes ${picture.passwordEncryption} passwords, dsops sets SCRAM-SHA-256: clients too old for SCRAM will be turned away.`,
        'Check that every client speaks SCRAM (libpq 10 or newer), then set password_encryption = scram-sha-256.',
      ),
    );
  return findings;
}

function assessAuthentication(target: PostgresqlTarget): Finding[] {
  if (target.auth === undefined || target.auth === 'scram-sha-256') return [];
  return [
    warning(
      'authentication',
      target.auth === 'password'
        ? `Whatever answers at ${placeOf(target)} may ask for passwords in clear and gets them.`
        : `Whatever answers at ${placeOf(target)} may ask for passwords by md5, which can be guessed from the answer.`,
      'Use scram-sha-256 in pg_hba.conf of the server, and for this target.',
    ),
  ];
}

export function assessAdmin(picture: Picture, wanted: Wanted): Finding[] {
  const { admin, versionNumber, slots } = picture;
  const name = quote(admin.username);
  if (admin.isSuperuser)
    return [
      warning(
        'admin-rights',
        `The admin ${admin.username} is a superuser; dsops needs far less.`,
        'Make an admin with the rights that docs/targets/postgresql.md lists.',
      ),
    ];
  const findings: Finding[] = [];
  if (versionNumber < OLDEST_VERSION)
    findings.push(
      warning(
        'admin-rights',
        'Before PostgreSQL 16 a role with CREATEROLE can change every role that is no superuser.',
        'Upgrade the target, or treat this admin as you treat a superuser.',
      ),
    );
  if (!admin.mayCreateRoles)
    findings.push(
      error(
        'admin-rights',
        `The admin ${admin.username} may not change passwords of roles: it lacks CREATEROLE.`,
        `Run ALTER ROLE ${name} CREATEROLE; on the target.`,
      ),
    );
  const asked = wanted.slots.flatMap((role) => slots.find((slot) => slot.name === role) ?? []);
  const unalterable = asked.filter(({ adminMayAlter }) => !adminMayAlter && versionNumber >= OLDEST_VERSION);
  if (unalterable.length > 0)
    findings.push(
      error(
        'admin-rights',
        `The admin ${admin.username} may not change ${rolesOf(unalterable)}.`,
        `Run ${unalterable.map((slot) => administration(slot.name, admin.username)).join(' ')} on the target.`,
      ),
    );
  const unendable = wanted.endsSessions ? asked.filter(({ adminMayEndSessions }) => !adminMayEndSessions) : [];
  if (unendable.length > 0)
    findings.push(
      error(
        'admin-rights',
        `The admin ${admin.username} may not end sessions of ${namesOf(unendable)}.`,
        `Run ${endingSessions(admin.username)} on the target.`,
      ),
    );
  findings.push(...assessReach(picture));
  return findings.some(({ level }) => level === 'error')
    ? findings
    : [...findings, ok('admin-rights', `The admin ${admin.username} has the rights it needs.`)];
}

const namesOf = (slots: Picture['slots']): string => slots.map(({ name }) => name).join(' and ');

const rolesOf = (slots: Picture['slots']): string =>
  slots.length > 1
    ? `the roles ${namesOf(slots)}: it lacks ADMIN OPTION on them`
    : `the role ${namesOf(slots)}: it lacks ADMIN OPTION on it`;
