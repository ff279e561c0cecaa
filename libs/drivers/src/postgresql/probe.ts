import type { PostgresqlCheck, PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import type { Login, Verification } from '../driver.js';
import { failureOf } from './failure.js';
import type { Attempt } from './judge.js';
import { Wire } from './wire.js';

/** One login as an application does it, then the query; both within `timeoutMs`. Never throws. */
export async function attemptLogin(
  target: PostgresqlTarget,
  login: Login,
  verification: Verification<PostgresqlCheck>,
  authorities: readonly string[],
): Promise<Attempt> {
  const deadline = performance.now() + verification.timeoutMs;
  let wire: Wire;
  try {
    wire = await Wire.open(target, login, {
      connectTimeoutMs: verification.timeoutMs,
      applicationName: 'dsops probe',
      authorities,
    });
  } catch (error) {
    return { at: 'login', failure: failureOf(error) };
  }
  try {
    await wire.tryOut(verification.check.query, Math.max(1, deadline - performance.now()));
    return { at: 'end' };
  } catch (error) {
    return { at: 'verification', failure: failureOf(error) };
  } finally {
    await wire.close();
  }
}
