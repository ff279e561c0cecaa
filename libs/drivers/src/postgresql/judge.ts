import type { Finding } from '@dsops/contracts/rotation/api';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import type { Login, Probe } from '../driver.js';
import { judgeNoAnswer } from '../kit/no-answer.js';
import { askedIn, placeOf, remedyOf } from './answers.js';
import type { ConnectionFailure } from './failure.js';
import { error, ok } from '../kit/findings.js';

/** What one login came to. */
export type Attempt =
  | { readonly at: 'login'; readonly failure: ConnectionFailure }
  | { readonly at: 'verification'; readonly failure: ConnectionFailure }
  | { readonly at: 'end' };

type Judgement = Omit<Probe, 'durationMs'>;

/** What an attempt says about the value. In doubt it says nothing: only a refusal of this very value is `refused`. */
export function judge(attempt: Attempt, target: PostgresqlTarget, login: Login): Judgement {
  const who = `${login.username} at ${placeOf(target)}`;
  if (attempt.at === 'end') return { verdict: 'accepted', note: `Logged in as ${who}.` };
  const { failure } = attempt;
  if (failure.kind === 'declined')
    return {
      verdict: failure.asked === 'none' || failure.asked === 'unproven' ? 'inconclusive' : 'errored',
      note: `Nothing was proven of ${who}: the server ${askedIn(failure.asked)}, which this target does not allow. Nothing was sent.`,
    };
  if (failure.kind !== 'answer') return judgeNoAnswer(failure, who, 'PostgreSQL');
  return attempt.at === 'login' ? judgeLogin(failure, who, target) : judgeVerification(failure, who);
}

type Answer = Extract<ConnectionFailure, { kind: 'answer' }>;

function judgeLogin({ sqlState, routine }: Answer, who: string, target: PostgresqlTarget): Judgement {
  switch (sqlState) {
    case '28P01':
      return { verdict: 'refused', refusedBy: 'authentication', note: `The password of ${who} was refused.` };
    case '28000':
      if (routine === 'read_client_final_message')
        return { verdict: 'inconclusive', note: `Something stands between dsops and the server of ${who}.` };
      // Said after the password was found right. The value is one ALTER ROLE … LOGIN away from working, so it is not
      // refused; and dsops never leaves a role like this, so somebody else changed it.
      return routine === 'InitializeSessionUserId'
        ? { verdict: 'inconclusive', note: `The password of ${who} is right, but the role may not log in.` }
        : { verdict: 'errored', note: `pg_hba.conf takes no password login of ${who} from here.` };
    case '42501':
      return {
        verdict: 'refused',
        refusedBy: 'verification',
        note: `The password of ${who} is right, but it may not connect to the database ${target.database}.`,
      };
    case '53300':
      return { verdict: 'errored', note: `No connection left for ${who}.` };
    case '3D000':
      return { verdict: 'errored', note: `There is no database ${target.database} for ${who}.` };
    default:
      return isOutage(sqlState)
        ? { verdict: 'errored', note: `The server was not ready for ${who} (SQLSTATE ${sqlState}).` }
        : { verdict: 'inconclusive', note: `An unexpected answer to the login of ${who} (SQLSTATE ${sqlState}).` };
  }
}

function judgeVerification({ sqlState }: Answer, who: string): Judgement {
  if (sqlState === '25006')
    return {
      verdict: 'refused',
      refusedBy: 'verification',
      note: `${who} logged in; the verification query wants to change something, and is run read only.`,
    };
  return isOutage(sqlState)
    ? { verdict: 'errored', note: `${who} logged in; the verification query was cut off (SQLSTATE ${sqlState}).` }
    : {
        verdict: 'refused',
        refusedBy: 'verification',
        note: `${who} logged in; the verification query failed (SQLSTATE ${sqlState}).`,
      };
}

/** Connection, resources, locks, time-outs, shutdown, system and internal errors: nothing about the value or the query. */
const isOutage = (sqlState: string): boolean => /^(08|40|53|55|57|58|F0|XX)/.test(sqlState);

/** What the attempt with a random wrong password says about the target: finding of a plan. */
export function judgeWrongPassword(attempt: Attempt, username: string, target: PostgresqlTarget): Finding {
  const check = 'wrong-password';
  const place = placeOf(target);
  const letsAnybodyIn = error(
    check,
    `PostgreSQL at ${place} lets ${username} in with any password, so a rotation would protect nothing.`,
    'In its pg_hba.conf use scram-sha-256 instead of trust for this host, role and database, and reload it.',
  );
  if (attempt.at !== 'login') return letsAnybodyIn;
  const { failure } = attempt;
  if (failure.kind === 'declined')
    return failure.asked === 'none'
      ? letsAnybodyIn
      : error(
          check,
          `PostgreSQL at ${place} ${askedIn(failure.asked)} of ${username}, so nothing was sent to it.`,
          remedyOf(failure.asked),
        );
  if (failure.kind !== 'answer' || (failure.sqlState !== '28P01' && failure.sqlState !== '28000'))
    return error(
      check,
      `It could not be tried whether ${username} at ${place} refuses a wrong password.`,
      failure.kind === 'answer' && failure.sqlState === '53300'
        ? 'The connections of the role, the database or the server are used up: close some, or raise the limit.'
        : 'Applications log in on this path: check that it works for them, then plan again.',
    );
  if (failure.sqlState === '28P01') return ok(check, `${username} refuses a wrong password.`);
  // Past the check of the password: the role does not log in, but not because the password was wrong.
  if (failure.routine === 'InitializeSessionUserId') return letsAnybodyIn;
  return error(
    check,
    `pg_hba.conf of ${place} takes no password login of ${username} to ${target.database} from here.`,
    'Add a line for this host, role and database with method scram-sha-256, and reload it.',
  );
}
