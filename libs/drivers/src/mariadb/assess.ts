import type { Finding } from '@dsops/contracts/rotation/api';
import type { MariadbSettings, MariadbTarget } from '@dsops/contracts/rotation/targets/mariadb';
import type { Login, Wanted } from '../driver.js';
import { assessEncryption } from '../kit/encryption.js';
import { error, ok, warning } from '../kit/findings.js';
import { placeOf } from './answers.js';
import { nameOf } from './authentication.js';
import type { AccountPicture, Picture } from './picture.js';

/** Alternatives of authentication and locked accounts are there since 10.4. */
const OLDEST = [10, 4] as const;
/** A plan, its probes and an application's own mistakes must fit in below it. */
const FEW_ERRORS = 20;
const RIGHTS = ['CREATE USER', 'PROCESS', 'CONNECTION ADMIN'];

/** Everything about the server as a whole, and about the rights of the admin. */
export function assessServer(picture: Picture, target: MariadbTarget): Finding[] {
  const { version, isReadOnly, mostErrors, rights, anonymousHosts } = picture;
  const place = placeOf(target);
  const findings: Finding[] = [...assessEncryption(target, place)];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (!version.includes('MariaDB'))
    findings.push(error('server', `The server at ${place} is no MariaDB.`, 'Use the type of target that it is.'));
  else if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    findings.push(
      error('server', `MariaDB ${version} at ${place} is older than ${OLDEST.join('.')}.`, 'Update the server.'),
    );
  if (isReadOnly)
    findings.push(
      error(
        'server',
        `The server at ${place} is read only: a replica, or set so.`,
        'Give dsops the address of the primary server, or lift read_only.',
      ),
    );
  if (mostErrors < FEW_ERRORS)
    findings.push(
      warning(
        'lockout',
        `After ${mostErrors} wrong passwords the server blocks an account, and dsops tries wrong ones to prove its point.`,
        `Set max_password_errors to ${FEW_ERRORS} or more.`,
      ),
    );
  const missing = RIGHTS.filter((right) => !rights.has(right));
  if (missing.length > 0)
    findings.push(
      error(
        'admin-rights',
        `The admin lacks ${missing.join(', ')}.`,
        'Give it the rights that docs/targets/mariadb.md lists.',
      ),
    );
  const nearer = anonymousHosts.filter((host) => host !== '%');
  if (nearer.length > 0)
    findings.push(
      error(
        'anonymous',
        `An account without a name at ${nearer.join(', ')} may answer instead of the account of an application.`,
        `Run ${nearer.map((host) => `DROP USER ''@'${host}';`).join(' ')} on the target.`,
      ),
    );
  return findings.length > 0 ? findings : [ok('server', `MariaDB ${version} at ${place}.`)];
}

/** Everything about the accounts that hold the slots. */
export const assessAccounts = (
  picture: Picture,
  wanted: Wanted<MariadbSettings>,
  target: MariadbTarget,
  admin: Login,
): Finding[] =>
  picture.accounts.flatMap((one) => {
    const problems = one.exists ? problemsOf(one, picture, wanted, admin) : [missing(one, target)];
    const inUse = one.slot.name === wanted.inUse ? ', in use' : '';
    return problems.length > 0 ? problems : [ok('slot', `${one.slot.name} is ready${inUse}.`)];
  });

const missing = ({ account }: AccountPicture, target: MariadbTarget): Finding =>
  error(
    'slot',
    `The account ${nameOf(account)} does not exist at ${placeOf(target)}.`,
    `Create it: CREATE USER ${nameOf(account)} IDENTIFIED VIA mysql_native_password USING 'invalid' ACCOUNT LOCK; and its grants.`,
  );

function problemsOf(
  { slot, account, authentication, otherHosts }: AccountPicture,
  { sessions }: Picture,
  { inUse, leftBehind = [], shape }: Wanted<MariadbSettings>,
  admin: Login,
): Finding[] {
  const name = nameOf(account);
  const { alternatives, isLocked, isExpired, connectionLimit } = authentication;
  const own = alternatives[(account.position ?? 1) - 1];
  const findings: Finding[] = [];
  if (account.user === admin.username)
    findings.push(
      error(
        'slot-identity',
        `${name} is the account that dsops administers with; rotating it would cut off dsops itself.`,
        'Give dsops an admin of its own, as docs/targets/mariadb.md shows.',
      ),
    );
  if (otherHosts.length > 0)
    findings.push(
      warning(
        'account-host',
        `${account.user} has other accounts too, for ${otherHosts.join(', ')}: who comes from there logs in with another password.`,
        'Drop them, or give dsops the one that your applications use with --account-host.',
      ),
    );
  if (isExpired)
    findings.push(
      error(
        'slot-login',
        `The password of ${name} has expired by hand.`,
        `Run ALTER USER ${name} PASSWORD EXPIRE NEVER;`,
      ),
    );
  if (connectionLimit > 0 && (sessions.get(account.user) ?? 0) >= connectionLimit)
    findings.push(
      error(
        'connection-limit',
        `All ${connectionLimit} connections of ${name} are taken, so its value cannot be tried.`,
        `Close some, or run ALTER USER ${name} WITH MAX_USER_CONNECTIONS ${connectionLimit + 2};`,
      ),
    );
  if (own?.kind === 'foreign' && slot.name === inUse)
    findings.push(
      warning(
        'slot-login',
        `${name} logs in by ${own.plugin}, and will by mysql_native_password afterwards.`,
        'See that every client can, or keep this account out of rotation.',
      ),
    );
  if (slot.name === inUse) {
    if (isLocked)
      findings.push(
        error(
          'slot-use',
          `${name} is in use, but locked.`,
          `Find out who locked it, then run ALTER USER ${name} ACCOUNT UNLOCK;`,
        ),
      );
    return findings;
  }
  const isTaken = own !== undefined && own.kind !== 'nobody' && !isLocked && !leftBehind.includes(slot.name);
  if (isTaken && shape === 'side-by-side')
    findings.push(
      error(
        'slot-use',
        `${slot.name} lets somebody in although dsops gave out no value for it.`,
        account.position === null
          ? `Once nobody uses it, run ALTER USER ${name} IDENTIFIED VIA mysql_native_password USING 'invalid' ACCOUNT LOCK;`
          : `Take the other password away: look at SHOW CREATE USER ${name};`,
      ),
    );
  return findings;
}
