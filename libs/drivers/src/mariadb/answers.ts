import type { MariadbTarget } from '@dsops/contracts/rotation/targets/mariadb';
import type { DomainError } from '@dsops/kernel';
import type { CommandOutcome } from '../driver.js';
import { hostInPlace } from '@dsops/contracts/rotation/targets/fields';
import { encryptionIn } from '../kit/encryption.js';
import { sayingOfNoAnswer } from '../kit/no-answer.js';
import { errorSaying, type Saying } from '../kit/saying.js';
import { ENDS_SESSION, type ConnectionFailure } from './failure.js';

/** Where a target is, as it stands in messages. */
export const placeOf = ({ host, port }: MariadbTarget): string => `${hostInPlace(host)}:${port}`;

/** Numbers of errors: "MariaDB Error Codes" in MariaDB's documentation. */
function sayingOf(errno: number, target: MariadbTarget, username: string): Saying {
  const place = placeOf(target);
  switch (errno) {
    case 1045:
    case 1698:
      return {
        code: 'admin_refused',
        kind: 'conflict',
        message: `MariaDB at ${place} refused the admin password of ${username}.`,
        remedy: `Give dsops the present password of ${username} (dsops service admin set), and look which account answers for the host that dsops comes from.`,
      };
    case 4151:
    case 1820:
    case 1862:
      return {
        code: 'admin_refused',
        kind: 'conflict',
        message: `The admin ${username} at ${place} is locked, or its password has expired.`,
        remedy: 'Unlock the account or give it a new password, and give that to dsops.',
      };
    case 1130:
      return {
        code: 'admin_not_admitted',
        kind: 'conflict',
        message: `MariaDB at ${place} lets nobody in from the host that dsops runs on.`,
        remedy: 'Create the admin for this host, or for %.',
      };
    case 1040:
    case 1203:
    case 1226:
      return {
        code: 'target_busy',
        kind: 'unavailable',
        message: `MariaDB at ${place} has no connection left for ${username}.`,
        remedy: 'Close idle connections, or raise max_connections or the limits of the account.',
      };
    case 1129:
      return {
        code: 'target_blocked',
        kind: 'unavailable',
        message: `MariaDB at ${place} has blocked the host that dsops runs on after too many broken connections.`,
        remedy: 'Run FLUSH HOSTS; on the target, and look what breaks connections on the way.',
      };
    case 1142:
    case 1227:
    case 1044:
      return {
        code: 'missing_right',
        kind: 'conflict',
        message: `The admin ${username} at ${place} lacks a right that dsops needs.`,
        remedy: 'Give it the rights that docs/targets/mariadb.md lists.',
      };
    default:
      return ENDS_SESSION.has(errno)
        ? {
            code: 'target_not_ready',
            kind: 'unavailable',
            message: `MariaDB at ${place} is starting or stopping.`,
            remedy: 'Wait until it is up, then try again.',
          }
        : {
            code: 'target_refused_session',
            kind: 'unavailable',
            message: `MariaDB at ${place} did not open a session for ${username} (error ${errno}).`,
            remedy: 'Look up the time of this attempt in the log of the target.',
          };
  }
}

/** A failure to open or use an administrative session before anything was sent: nothing was changed. */
export function sessionError(failure: ConnectionFailure, target: MariadbTarget, username: string): DomainError {
  if (failure.kind === 'answer')
    return errorSaying(sayingOf(failure.errno, target, username), { errno: failure.errno });
  const asked = { product: 'MariaDB', place: placeOf(target), encryption: encryptionIn(target) };
  return errorSaying(sayingOfNoAnswer(failure, asked));
}

const refused = (code: string, message: string, remedy: string): CommandOutcome => ({
  kind: 'refused',
  code,
  message,
  remedy,
});

/** The meaning of an answer to ALTER USER. A session that dies may have applied it before (I5): that is lost. */
export function outcomeOf(failure: ConnectionFailure, account: string, target: MariadbTarget): CommandOutcome {
  const place = placeOf(target);
  if (failure.kind !== 'answer') return { kind: 'lost', message: `No answer came from ${place}.` };
  const { errno } = failure;
  if (ENDS_SESSION.has(errno))
    return { kind: 'lost', message: `The session at ${place} ended before it answered (error ${errno}).` };
  switch (errno) {
    case 1044:
    case 1142:
    case 1227:
    case 1410:
      return refused(
        'missing_right',
        `The admin may not change the account ${account}.`,
        'Give it the rights that docs/targets/mariadb.md lists.',
      );
    case 1396:
    case 1133:
      return refused(
        'slot_missing',
        `The account ${account} does not exist at ${place}.`,
        `Create it: CREATE USER ${account} IDENTIFIED VIA mysql_native_password USING 'invalid' ACCOUNT LOCK;`,
      );
    case 1205:
    case 1213:
    case 1317:
    case 1969:
      return refused(
        'target_busy',
        `Something at ${place} kept the account ${account} from being changed in time.`,
        'Find it in information_schema.PROCESSLIST, let it end, and rotate again.',
      );
    case 1290:
    case 1792:
    case 1836:
      return refused(
        'target_read_only',
        `The server at ${place} takes no changes: it is read only.`,
        'Give dsops the address of the primary server, or lift read_only.',
      );
    case 1819:
    case 1372:
    case 4166:
      return refused(
        'value_refused',
        `A password rule of the server at ${place} refused the value, or takes no hashed passwords.`,
        'Set strict_password_validation = OFF, so that dsops can send the hash instead of the password.',
      );
    default:
      return refused(
        'target_refused',
        `MariaDB refused to change the account ${account} (error ${errno}).`,
        'Look up the time of this attempt in the log of the target.',
      );
  }
}
