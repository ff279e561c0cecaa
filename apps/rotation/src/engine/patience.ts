import { journal, type Ask, type Effect, type Failure, type Happening, type RotationError } from './journal.js';
import type { UnansweredAttempt } from './plan.js';
import type { Rotation } from './rotation.js';
import type { View } from './view.js';

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
export const LONGEST_DELAY_WHEN_ASKING_MS = 300_000;
/** Before anything may have changed at the target, giving up early is the kind answer. */
const TRIES_WHEN_UNTOUCHED = 3;
const TRIES_BEFORE_ASKING = 5;

/** Has the target nothing of ours that this rotation brought or may still bring? */
export const isUntouched = ({ turn, newValue, session, isRetireIntended }: Rotation): boolean =>
  turn === null && newValue === 'absent' && session?.sentAtMs == null && !isRetireIntended;

/** It cannot be told now: look again later, longer each time; then give up if nothing was touched, else ask. */
export function again({ rotation, nowMs }: View, failure: Failure): Effect {
  const { tries, asking } = rotation;
  const { code, message, remedy } = failure;
  if (isUntouched(rotation) && (!failure.isPassing || tries + 1 >= TRIES_WHEN_UNTOUCHED))
    return failed({ code, message, remedy });
  const isTail = rotation.conclusion !== null;
  if (isTail && tries + 1 >= TRIES_BEFORE_ASKING && rotation.session === null) return journal({ kind: 'settled' });
  const longestMs = asking || isTail ? LONGEST_DELAY_WHEN_ASKING_MS : LONGEST_DELAY_MS;
  const untilMs = nowMs + Math.min(longestMs, FIRST_DELAY_MS * 2 ** Math.min(tries, 20));
  if (!asking && !isTail && tries + 1 >= TRIES_BEFORE_ASKING)
    return journal({ kind: 'asked', untilMs, ask: { code, message, remedy, byPerson: false } });
  return journal({ kind: 'again', untilMs, failure });
}

/** Only a person lets it go on. */
export const askPerson = (ask: Omit<Ask, 'byPerson'>): Effect =>
  journal({ kind: 'asked', untilMs: null, ask: { ...ask, byPerson: true } });

/** A person gives it up: what the target has is not known, and nobody looks any more. */
export const abandonment = ({ conclusion }: Rotation, by: string, reason: string): Happening =>
  conclusion
    ? { kind: 'settled' }
    : {
        kind: 'concluded',
        state: 'failed',
        error: {
          code: 'abandoned',
          message: `${by} gave it up: ${reason}`,
          remedy: 'What the target accepts is unproven. The next rotation begins by finding out.',
        },
      };

/** Can it not go on by itself? Only then it may be abandoned: one that goes on is rolled back. */
export const isStuck = ({ asking, tries, isSettled }: Rotation): boolean =>
  !isSettled && (asking !== null || tries > 0);

/** What it leaves unanswered at the target, for the rotation after it. */
export const unansweredOf = ({ session }: Rotation): UnansweredAttempt | undefined =>
  session?.sentAtMs == null ? undefined : { identity: session.identity, sentAtMs: session.sentAtMs };

/** It ends here, and the target has nothing of it. */
export const failed = (error: RotationError): Effect => journal({ kind: 'concluded', state: 'failed', error });
