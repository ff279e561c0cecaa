import type { Finding } from '@dsops/contracts/rotation/api';
import type { MariadbSettings, MariadbTarget } from '@dsops/contracts/rotation/targets/mariadb';
import { isDomainError, type DomainError } from '@dsops/kernel';
import type { Login, PlanFindings, Wanted } from '../driver.js';
import { error } from '../kit/findings.js';
import type { Limits } from '../kit/limits.js';
import { generatePassword } from '../kit/password.js';
import { openAdminWire } from './admin-wire.js';
import { assessAccounts, assessServer } from './assess.js';
import { attemptLogin, judgeWrongPassword } from './judge.js';
import { takePicture, type Picture } from './picture.js';

/** Looks at the target with reads and one wrong login per account; changes nothing, and turns every failure into a finding. */
export async function inspectTarget(
  target: MariadbTarget,
  admin: Login,
  wanted: Wanted<MariadbSettings>,
  options: { readonly limits: Limits; readonly authorities: readonly string[] },
): Promise<PlanFindings> {
  let picture: Picture;
  try {
    const session = await openAdminWire(target, admin, { ...options, marker: 'plan' });
    try {
      picture = await takePicture(session, target, admin.username, wanted, options.limits.answerTimeoutMs);
    } finally {
      await session.wire.close();
    }
  } catch (failure) {
    if (!isDomainError(failure)) throw failure;
    return { findings: [findingOf(failure)], sessions: null };
  }
  const logins = new Set(picture.accounts.filter(({ exists }) => exists).map(({ account }) => account.user));
  const findings = [
    ...assessServer(picture, target),
    ...assessAccounts(picture, wanted, target, admin),
    ...(await Promise.all([...logins].map((login) => tryWrongPassword(target, login, options)))),
  ];
  const inUse = wanted.slots.find(({ name }) => name === wanted.inUse);
  return { findings, sessions: inUse === undefined ? null : (picture.sessions.get(inUse.login) ?? 0) };
}

/** `missing_right` is about rights; whatever else keeps us out is about reaching the target as its admin. */
const findingOf = ({ code, message, details }: DomainError): Finding =>
  error(
    code === 'missing_right' ? 'admin-rights' : code.startsWith('admin_') ? 'admin-login' : 'target-reachable',
    message,
    details.remedy ?? 'Look at the log of the target.',
  );

/** A server that takes a random password takes any: nothing could then be proven about a real one. */
async function tryWrongPassword(
  target: MariadbTarget,
  username: string,
  { limits, authorities }: { readonly limits: Limits; readonly authorities: readonly string[] },
): Promise<Finding> {
  const wrong = { username, password: generatePassword() };
  const verification = { check: { query: 'SELECT 1' }, timeoutMs: limits.connectTimeoutMs };
  return judgeWrongPassword(await attemptLogin(target, wrong, verification, authorities), username, target);
}
