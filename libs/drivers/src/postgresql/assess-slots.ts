import type { Finding } from '@dsops/contracts/rotation/api';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { placeOf, quote } from './answers.js';
import { acting } from './setup-sql.js';
import { error, ok, warning } from '../kit/findings.js';
import type { Wanted } from './wanted.js';
import type { Picture, SlotPicture } from './picture.js';

/** Everything about the roles that are slots, and about the role that owns what they create. */
export function assessSlots(picture: Picture, wanted: Wanted, target: PostgresqlTarget): Finding[] {
  const findings = wanted.slots.flatMap((name): Finding[] => {
    const slot = picture.slots.find((one) => one.name === name);
    if (slot === undefined) return [missing(name, target)];
    const problems = [
      ...assessIdentity(slot, picture, wanted),
      ...assessUse(slot, picture, wanted),
      ...assessLogin(slot, target),
      ...(wanted.owner === null ? [] : assessOwnership(slot, wanted.owner, picture)),
    ];
    return problems.length > 0 ? problems : [ok('slot', `${name} is ready${name === wanted.inUse ? ', in use' : ''}.`)];
  });
  return [...findings, ...assessOwner(picture, wanted)];
}

const missing = (name: string, target: PostgresqlTarget): Finding =>
  error(
    'slot',
    `The role ${name} does not exist at ${placeOf(target)}.`,
    `Create it with CREATE ROLE ${quote(name)} NOLOGIN; and the grants that docs/targets/postgresql.md lists.`,
  );

/** The connection we administer with must not hang on a password that we are about to change. */
function assessIdentity(slot: SlotPicture, { admin }: Picture, { owner }: Wanted): Finding[] {
  if (slot.name === admin.username)
    return [
      error(
        'slot-identity',
        `${slot.name} is the role that dsops administers with; rotating it would cut off dsops itself.`,
        'Give dsops an admin of its own, as docs/targets/postgresql.md shows.',
      ),
    ];
  if (slot.isSuperuser && !admin.isSuperuser)
    return [
      error(
        'slot-identity',
        `${slot.name} is a superuser, which only a superuser may change.`,
        `Run ALTER ROLE ${quote(slot.name)} NOSUPERUSER; an application needs no superuser.`,
      ),
    ];
  if (slot.reachesAdmin && !slot.isSuperuser)
    return [
      error(
        'slot-identity',
        `${slot.name} is a member of the admin ${admin.username}, so an application could act as dsops.`,
        `Run REVOKE ${quote(admin.username)} FROM ${quote(slot.name)}; on the target.`,
      ),
    ];
  if (slot.name === owner)
    return [
      error(
        'slot-identity',
        `${slot.name} is both a slot and the owner.`,
        'Let a role of its own, with NOLOGIN, own the objects.',
      ),
    ];
  return [];
}

/** Which slots are free is what keeps a working login from being overwritten. */
function assessUse(slot: SlotPicture, { slots }: Picture, { shape, inUse, leftBehind }: Wanted): Finding[] {
  const name = quote(slot.name);
  if (slot.name === inUse)
    return slot.canLogin
      ? []
      : [
          error(
            'slot-use',
            `${slot.name} is in use, but may not log in.`,
            `Find out who ran ALTER ROLE ${name} NOLOGIN; and whether applications still work.`,
          ),
        ];
  if (shape === 'side-by-side') {
    if (slot.canLogin && !leftBehind.includes(slot.name))
      return [
        error(
          'slot-use',
          `${slot.name} can log in although dsops gave out no value for it: somebody may use it.`,
          inUse === null
            ? 'Take the login that is in use over with its present password, or free the slot as below. ' +
                freeing(name)
            : freeing(name),
        ),
      ];
    const used = slots.find((one) => one.name === inUse);
    const busy: Finding[] =
      slot.sessions === 0
        ? []
        : [
            warning(
              'slot-use',
              `${slot.sessions} sessions of ${slot.name} are open from before its login ended.`,
              'They end when they disconnect, or by pg_terminate_backend.',
            ),
          ];
    if (used !== undefined && slot.connectionLimit > 0 && slot.connectionLimit < used.sessions)
      busy.push(
        warning(
          'connection-limit',
          `${slot.name} may have ${slot.connectionLimit} connections, and ${used.name} has ${used.sessions} now.`,
          `Run ALTER ROLE ${name} CONNECTION LIMIT ${used.connectionLimit}; on the target.`,
        ),
      );
    return busy;
  }
  return inUse === null && slot.canLogin
    ? [
        warning(
          'slot-use',
          `${slot.name} can log in with a password that dsops does not know, and could not put back.`,
          'Take the login over with its present password first, or make sure that nobody uses it.',
        ),
      ]
    : [];
}

const freeing = (name: string): string => `Once nobody uses it, run ALTER ROLE ${name} NOLOGIN PASSWORD NULL;`;

/** What would keep the new value from working although its password is right. */
function assessLogin(slot: SlotPicture, target: PostgresqlTarget): Finding[] {
  const findings: Finding[] = [];
  const name = quote(slot.name);
  if (slot.isExpired)
    findings.push(
      error(
        'slot-login',
        `Passwords of ${slot.name} are valid until ${slot.validUntil}, which is over.`,
        `Run ALTER ROLE ${name} VALID UNTIL 'infinity'; on the target.`,
      ),
    );
  else if (slot.validUntil !== null)
    findings.push(
      warning(
        'slot-login',
        `Passwords of ${slot.name} are valid until ${slot.validUntil}, also new ones.`,
        `Run ALTER ROLE ${name} VALID UNTIL 'infinity'; if dsops alone shall decide.`,
      ),
    );
  if (!slot.mayConnect)
    findings.push(
      error(
        'slot-login',
        `${slot.name} may not connect to the database ${target.database}.`,
        `Run GRANT CONNECT ON DATABASE ${quote(target.database)} TO ${name}; on the target.`,
      ),
    );
  if (slot.connectionLimit === 0)
    findings.push(
      error(
        'connection-limit',
        `${slot.name} may have no connection at all.`,
        `Run ALTER ROLE ${name} CONNECTION LIMIT -1; on the target.`,
      ),
    );
  else if (slot.connectionLimit > 0 && slot.sessions >= slot.connectionLimit)
    findings.push(
      error(
        'connection-limit',
        `All ${slot.connectionLimit} connections of ${slot.name} are taken, so its value cannot be tried.`,
        `Close some, or run ALTER ROLE ${name} CONNECTION LIMIT ${slot.connectionLimit + 2};`,
      ),
    );
  return findings;
}

/** What one slot creates has to work for the other: both begin their sessions as the owner. */
function assessOwnership(slot: SlotPicture, owner: string, { versionNumber }: Picture): Finding[] {
  const findings: Finding[] = [];
  const [name, group] = [quote(slot.name), quote(owner)];
  if (slot.mayActAsOwner === false)
    findings.push(
      error(
        'slot-owner',
        `${slot.name} may not act as the owner ${owner}.`,
        `Run ${acting(owner, slot.name, versionNumber)} on the target.`,
      ),
    );
  if (slot.beginsAs !== owner)
    findings.push(
      error(
        'slot-owner',
        `What ${slot.name} creates would belong to ${slot.beginsAs ?? slot.name} instead of ${owner}, and fail in the other slot.`,
        `Run ALTER ROLE ${name} SET role = ${pgLiteral(owner)}; on the target.`,
      ),
    );
  if (slot.ownedObjects > 0)
    findings.push(
      warning(
        'slot-owner',
        `${slot.ownedObjects} objects belong to ${slot.name} itself${named(slot)}, and cannot be altered through the other slot.`,
        `Run REASSIGN OWNED BY ${name} TO ${group}; in each database.`,
      ),
    );
  return findings;
}

function named({ ownedNames, ownedObjects }: SlotPicture): string {
  const more = ownedObjects - ownedNames.length;
  return ` (${[...ownedNames, ...(more > 0 ? [`${more} more, here or in other databases`] : [])].join(', ')})`;
}

function assessOwner({ owner, admin, slots }: Picture, wanted: Wanted): Finding[] {
  if (wanted.owner === null)
    return wanted.slots.length < 2
      ? []
      : [
          error(
            'owner',
            'Two slots need one role that owns what they create.',
            'Name it as `owner`; docs/targets/postgresql.md has the statements.',
          ),
        ];
  const group = quote(wanted.owner);
  if (owner === null)
    return [
      error(
        'owner',
        `The role ${wanted.owner}, which should own what the slots create, does not exist.`,
        `Run CREATE ROLE ${group} NOLOGIN; GRANT ${group} TO ${wanted.slots.map(quote).join(', ')};`,
      ),
    ];
  if (owner.name === admin.username)
    return [
      error(
        'owner',
        `${owner.name} administers and owns: applications could act as dsops.`,
        'Let a role of its own, with NOLOGIN, own the objects.',
      ),
    ];
  if (owner.canLogin && !slots.some(({ name }) => name === owner.name))
    return [
      warning(
        'owner',
        `The owner ${owner.name} can log in with a password that dsops does not rotate.`,
        `Run ALTER ROLE ${group} NOLOGIN; once nobody logs in as it.`,
      ),
    ];
  return [];
}

const pgLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`;
