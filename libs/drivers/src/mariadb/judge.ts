import type { Finding } from '@dsops/contracts/rotation/api';
import type { MariadbCheck, MariadbTarget } from '@dsops/contracts/rotation/targets/mariadb';
import type { Login, Probe, Verification } from '../driver.js';
import { error, ok } from '../kit/findings.js';
import { judgeNoAnswer } from '../kit/no-answer.js';
import { placeOf } from './answers.js';
import { ENDS_SESSION, failureOf, type ConnectionFailure } from './failure.js';
import { Wire } from './wire.js';

/** What one login came to. */
export type Attempt =
  { readonly at: 'login' | 'verification'; readonly failure: ConnectionFailure } | { readonly at: 'end' };

type Judgement = Omit<Probe, 'durationMs'>;

/** One login as an application does it, then the query; both within `timeoutMs`. Never throws. */
export async function attemptLogin(
  target: MariadbTarget,
  login: Login,
  { check, timeoutMs }: Verification<MariadbCheck>,
  authorities: readonly string[],
): Promise<Attempt> {
  const deadline = performance.now() + timeoutMs;
  let wire: Wire;
  try {
    wire = await Wire.open(target, login, { connectTimeoutMs: timeoutMs, database: target.database, authorities });
  } catch (failure) {
    return { at: 'login', failure: failureOf(failure) };
  }
  try {
    // It may look and not touch: what it would write is refused, and what it sets is gone with it.
    const remaining = () => Math.max(1, deadline - performance.now());
    // The session too: CREATE and the like end a transaction before they begin.
    await wire.query('SET SESSION TRANSACTION READ ONLY', [], remaining());
    await wire.query('START TRANSACTION READ ONLY', [], remaining());
    await wire.query(check.query, [], remaining());
    await wire.query('ROLLBACK', [], remaining());
    return { at: 'end' };
  } catch (failure) {
    return { at: 'verification', failure: failureOf(failure) };
  } finally {
    await wire.close();
  }
}

/** What an attempt says about the value. In doubt it says nothing: only a refusal of this very value is `refused`. */
export function judge(attempt: Attempt, target: MariadbTarget, login: Login): Judgement {
  const who = `${login.username} at ${placeOf(target)}`;
  if (attempt.at === 'end') return { verdict: 'accepted', note: `Logged in as ${who}.` };
  const { failure } = attempt;
  if (failure.kind !== 'answer') return judgeNoAnswer(failure, who, 'MariaDB');
  return attempt.at === 'login' ? judgeLogin(failure.errno, who, target) : judgeVerification(failure.errno, who);
}

function judgeLogin(errno: number, who: string, target: MariadbTarget): Judgement {
  switch (errno) {
    case 1045:
      return { verdict: 'refused', refusedBy: 'authentication', note: `The password of ${who} was refused.` };
    case 4151:
      // Said after the password was found right: it is one ACCOUNT UNLOCK away from working, and dsops never leaves an
      // account like this, so somebody else changed it.
      return { verdict: 'inconclusive', note: `The password of ${who} is right, but the account is locked.` };
    case 1820:
    case 1862:
      return { verdict: 'inconclusive', note: `The password of ${who} is right, but it has expired.` };
    case 1044:
      return {
        verdict: 'refused',
        refusedBy: 'verification',
        note: `The password of ${who} is right, but it may not use the database ${target.database}.`,
      };
    case 1049:
      return { verdict: 'errored', note: `There is no database ${target.database} for ${who}.` };
    case 1040:
    case 1203:
    case 1226:
      return { verdict: 'errored', note: `No connection left for ${who}.` };
    case 1129:
    case 1130:
      return { verdict: 'errored', note: `The server takes no login of ${who} from here.` };
    case 4150:
      return { verdict: 'inconclusive', note: `The server blocks ${who} after too many wrong passwords.` };
    default:
      return ENDS_SESSION.has(errno)
        ? { verdict: 'errored', note: `The server was not ready for ${who} (error ${errno}).` }
        : { verdict: 'inconclusive', note: `An unexpected answer to the login of ${who} (error ${errno}).` };
  }
}

/** Resources, locks, time-outs and shutdown: nothing about the value or the query. */
const OUTAGES: ReadonlySet<number> = new Set([1021, 1037, 1038, 1040, 1041, 1205, 1213, 1226, 1317, 1969]);

function judgeVerification(errno: number, who: string): Judgement {
  if (OUTAGES.has(errno) || ENDS_SESSION.has(errno))
    return { verdict: 'errored', note: `${who} logged in; the verification query was cut off (error ${errno}).` };
  return {
    verdict: 'refused',
    refusedBy: 'verification',
    note: `${who} logged in; the verification query failed (error ${errno}).`,
  };
}

/** What the attempt with a random wrong password says about the target: finding of a plan. */
export function judgeWrongPassword(attempt: Attempt, username: string, target: MariadbTarget): Finding {
  const check = 'wrong-password';
  const place = placeOf(target);
  if (attempt.at !== 'login')
    return error(
      check,
      `MariaDB at ${place} lets ${username} in with any password, so a rotation would protect nothing.`,
      'Start the server without skip-grant-tables, and give the account a password.',
    );
  const { failure } = attempt;
  if (failure.kind === 'answer' && failure.errno === 1045) return ok(check, `${username} refuses a wrong password.`);
  return error(
    check,
    `It could not be tried whether ${username} at ${place} refuses a wrong password.`,
    'Applications log in on this path: check that it works for them, then plan again.',
  );
}
