import type { Finding } from '@dsops/contracts/rotation/api';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { isDomainError, type DomainError } from '@dsops/kernel';
import type { Login, PlanFindings } from '../driver.js';
import { openAdminWire } from './admin-wire.js';
import { assessAdmin, assessServer } from './assess-server.js';
import { assessSlots } from './assess-slots.js';
import { assessDifferences } from './differences.js';
import { error } from '../kit/findings.js';
import type { Wanted } from './wanted.js';
import { judgeWrongPassword } from './judge.js';
import type { Limits } from '../kit/limits.js';
import { generatePassword } from '../kit/password.js';
import { takePicture, type Picture } from './picture.js';
import { attemptLogin } from './probe.js';

/** Looks at the target with reads and one wrong login per slot; changes nothing, and turns every failure into a finding. */
export async function inspectTarget(
  target: PostgresqlTarget,
  admin: Login,
  wanted: Wanted,
  options: { limits: Limits; authorities: readonly string[] },
): Promise<PlanFindings> {
  let picture: Picture;
  try {
    const session = await openAdminWire(target, admin, { ...options, applicationName: 'dsops plan' });
    try {
      picture = await takePicture(session, target, wanted, options.limits.answerTimeoutMs);
    } finally {
      await session.wire.close();
    }
  } catch (failure) {
    if (!isDomainError(failure)) throw failure;
    return { findings: [findingOf(failure)], sessions: null };
  }
  const present = picture.slots.map(({ name }) => name);
  const findings = [
    ...assessServer(picture, target),
    ...assessAdmin(picture, wanted),
    ...assessSlots(picture, wanted, target),
    ...assessDifferences(picture, wanted),
    ...(await Promise.all(present.map((slot) => tryWrongPassword(target, slot, options)))),
  ];
  return { findings, sessions: picture.slots.find(({ name }) => name === wanted.inUse)?.sessions ?? null };
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
  target: PostgresqlTarget,
  username: string,
  options: { limits: Limits; authorities: readonly string[] },
): Promise<Finding> {
  const wrong = { username, password: generatePassword() };
  const verification = { check: { query: 'SELECT 1' }, timeoutMs: options.limits.connectTimeoutMs };
  return judgeWrongPassword(await attemptLogin(target, wrong, verification, options.authorities), username, target);
}
