import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import type { DomainError } from '@dsops/kernel';
import type { CommandOutcome } from '../driver.js';
import { hostInPlace } from '@dsops/contracts/rotation/targets/fields';
import { encryptionIn } from '../kit/encryption.js';
import { sayingOfNoAnswer } from '../kit/no-answer.js';
import { errorSaying, type Saying } from '../kit/saying.js';
import type { Asked } from './authentication.js';
import type { ConnectionFailure } from './failure.js';

/** Where a target is, as it stands in messages. */
export const placeOf = ({ host, port }: PostgresqlTarget): string => `${hostInPlace(host)}:${port}`;

/** What a server did instead of asking for SCRAM, as a verb and what follows. */
export const askedIn = (asked: Asked): string => WORDS[asked];
const WORDS: Readonly<Record<Asked, string>> = {
  'scram-sha-256': 'asked for the password by scram-sha-256',
  md5: 'asked for the password as an MD5 hash',
  password: 'asked for the password in clear text',
  none: 'asked for no password',
  unproven: 'let us in before it had proven that it knows the password',
};

export const remedyOf = (asked: Asked): string =>
  asked === 'md5' || asked === 'password'
    ? `Use scram-sha-256 instead of ${asked} in its pg_hba.conf, look whether it is your server at all, or allow it for this target by name: --auth ${asked}.`
    : asked === 'none'
      ? 'Use scram-sha-256 instead of trust in its pg_hba.conf, and look whether it is your server at all.'
      : 'Look for something between dsops and the server.';

/** SQLSTATEs that end an attempt to open an administrative session. */
function sayingOfRefusedLogin(
  sqlState: string,
  routine: string | null,
  target: PostgresqlTarget,
  username: string,
): Saying {
  const place = placeOf(target);
  switch (sqlState) {
    case '28P01':
      return {
        code: 'admin_refused',
        kind: 'conflict',
        message: `PostgreSQL at ${place} refused the admin password of ${username}.`,
        remedy: `Give dsops the present password of ${username} (dsops service admin set), and look that its VALID UNTIL is not over.`,
      };
    case '28000':
      if (routine === 'InitializeSessionUserId')
        return {
          code: 'admin_refused',
          kind: 'conflict',
          message: `The admin ${username} does not exist at ${place}, or may not log in.`,
          remedy: `Create the role, or run ALTER ROLE ${quote(username)} LOGIN; on the target.`,
        };
      if (routine === 'read_client_final_message')
        return {
          code: 'target_untrusted',
          kind: 'conflict',
          message: `Something stands between dsops and the PostgreSQL server at ${place}: the certificate that dsops saw is not the server's.`,
          remedy: 'Give dsops the host and port of the server itself, and use sslMode verify-full.',
        };
      return {
        code: 'admin_not_admitted',
        kind: 'conflict',
        message: `PostgreSQL at ${place} takes no password login of ${username} to ${target.database} from here.`,
        remedy:
          'Add a line for this host, role and database with method scram-sha-256 to its pg_hba.conf and reload it.',
      };
    case '53300':
      return {
        code: 'target_busy',
        kind: 'unavailable',
        message: `PostgreSQL at ${place} has no connection left for ${username}.`,
        remedy: 'Close idle connections, or raise max_connections or the connection limit of the role or database.',
      };
    case '57P03':
    case '57P01':
    case '57P02':
      return {
        code: 'target_not_ready',
        kind: 'unavailable',
        message: `PostgreSQL at ${place} is starting, stopping or recovering.`,
        remedy: 'Wait until it is up, then try again.',
      };
    case '3D000':
      return {
        code: 'database_missing',
        kind: 'conflict',
        message: `There is no database ${target.database} at ${place}.`,
        remedy: 'Correct the name of the database, or create it.',
      };
    case '42501':
      return {
        code: 'missing_right',
        kind: 'conflict',
        message: `The admin ${username} may not connect to the database ${target.database} at ${place}.`,
        remedy: `Run GRANT CONNECT ON DATABASE ${quote(target.database)} TO ${quote(username)}; on the target.`,
      };
    case '08P01':
      return pooled(target);
    case '42704':
      // It does not know idle_session_timeout, which every session of ours begins with.
      return {
        code: 'target_too_old',
        kind: 'conflict',
        message: `PostgreSQL at ${place} is older than version 14, the oldest that dsops works with.`,
        remedy: 'Upgrade the server.',
      };
    default:
      return {
        code: 'target_refused_session',
        kind: 'unavailable',
        message: `PostgreSQL at ${place} did not open a session for ${username} (SQLSTATE ${sqlState}).`,
        remedy: 'Look up the time of this attempt in the log of the target.',
      };
  }
}

const pooled = (target: PostgresqlTarget): Saying => ({
  code: 'target_pooled',
  kind: 'conflict',
  message: `A connection pooler answers at ${placeOf(target)}, so a session cannot be identified and ended there.`,
  remedy: 'Give dsops the host and port of the PostgreSQL server itself.',
});

/** A failure to open or use an administrative session before anything was sent: nothing was changed. */
export function sessionError(failure: ConnectionFailure, target: PostgresqlTarget, username: string): DomainError {
  const facts = failure.kind === 'answer' ? { sqlState: failure.sqlState } : {};
  return errorSaying(sayingOf(failure, target, username), facts);
}

export const pooledError = (target: PostgresqlTarget): DomainError => errorSaying(pooled(target));

function sayingOf(failure: ConnectionFailure, target: PostgresqlTarget, username: string): Saying {
  if (failure.kind === 'answer') return sayingOfRefusedLogin(failure.sqlState, failure.routine, target, username);
  const place = placeOf(target);
  if (failure.kind === 'declined')
    return {
      code: failure.asked === 'unproven' ? 'target_untrusted' : 'target_auth_weak',
      kind: 'conflict',
      message: `What answers at ${place} ${askedIn(failure.asked)} of ${username}. Nothing was sent to it.`,
      remedy: remedyOf(failure.asked),
    };
  return sayingOfNoAnswer(failure, { product: 'PostgreSQL', place, encryption: encryptionIn(target) });
}

/**
 * The meaning of an answer to ALTER ROLE. Only answers that are known to have changed nothing count as refused:
 * everything else is lost, because a session that dies may have committed before (I5).
 */
export function outcomeOf(failure: ConnectionFailure, role: string, target: PostgresqlTarget): CommandOutcome {
  if (failure.kind !== 'answer') return { kind: 'lost', message: `No answer came from ${placeOf(target)}.` };
  const refused = (code: string, message: string, remedy: string): CommandOutcome => ({
    kind: 'refused',
    code,
    message,
    remedy,
  });
  switch (failure.sqlState) {
    case '42501':
      return refused(
        'missing_right',
        `The admin may not change the role ${role}.`,
        `Give the admin CREATEROLE, and ADMIN OPTION on ${role}; docs/targets/postgresql.md has the statements.`,
      );
    case '42704':
      return refused(
        'slot_missing',
        `The role ${role} does not exist at ${placeOf(target)}.`,
        `Create it: CREATE ROLE ${quote(role)} NOLOGIN;`,
      );
    case '55P03':
    case '57014':
    case '40P01':
    case '40001':
      return refused(
        'target_busy',
        `Another transaction at ${placeOf(target)} holds the role ${role}.`,
        'Find it in pg_stat_activity and pg_locks, let it end, and rotate again.',
      );
    case '22012':
      // The only division is the look at a slot that must be closed.
      return refused(
        'slot_taken',
        `The role ${role} may log in, though dsops had ended its last value: somebody uses it. It was left as it is.`,
        `See who uses it. When nobody does: ALTER ROLE ${quote(role)} NOLOGIN; then rotate again.`,
      );
    case '25006':
      return refused(
        'target_read_only',
        `The server at ${placeOf(target)} takes no changes: it is a standby or set to read only.`,
        'Give dsops the address of the primary server, or lift default_transaction_read_only.',
      );
    case '22023':
    case '0A000':
      return refused(
        'value_refused',
        `A rule of the server at ${placeOf(target)} refused the value or its SCRAM form.`,
        'Look at shared_preload_libraries for a password rule, and allow hashed passwords in it.',
      );
    case '53100':
    case '53200':
      return refused(
        'target_exhausted',
        `The server at ${placeOf(target)} is out of disk or memory.`,
        'Make room on the target, then rotate again.',
      );
    default:
      if (failure.isPlainError)
        return refused(
          'target_refused',
          `PostgreSQL refused to change the role ${role} (SQLSTATE ${failure.sqlState}).`,
          'Look up the time of this attempt in the log of the target.',
        );
      return {
        kind: 'lost',
        message: `The session at ${placeOf(target)} ended before it answered (SQLSTATE ${failure.sqlState}).`,
      };
  }
}

/** Words that are no name without quotes: "reserved" in PostgreSQL's appendix "SQL Key Words", of 14 and newer. */
const RESERVED = new Set(
  (
    'all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation ' +
    'column concurrently constraint create cross current_catalog current_date current_role current_schema current_time ' +
    'current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze ' +
    'from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit ' +
    'localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary public ' +
    'references returning right select session_user similar some symmetric system_user table tablesample then to trailing ' +
    'true union unique user using variadic verbose when where window with none'
  ).split(' '),
);

/** An identifier for statements that are shown to people. `public` and `none` are words of GRANT and SET ROLE, too. */
export const quote = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
