import type { Failure, RotationError } from './journal.js';
import type { Rotation } from './rotation.js';

/** Why a rotation stands still, goes back or ends, in the words that people read. */

export const refusalOf = (rotation: Rotation): RotationError => {
  const failure = rotation.change?.failure;
  if (!failure)
    return { code: 'target_refused', about: 'target', message: 'The target refused the command.', remedy: null };
  const { isPassing: _, ...refusal } = failure;
  return refusal;
};

const error = (code: string, message: string, remedy: string): RotationError => ({ code, message, remedy });
export const passing = (cause: RotationError): Failure => ({ ...cause, isPassing: true });

export const NOT_LANDED = error(
  'answer_lost',
  'The command was sent three times without an answer, and logins show that it never landed.',
  'See why the target does not answer its administrator, then rotate again.',
);
export const NEW_REFUSED = error(
  'verification_failed',
  'The target refuses the new value.',
  'See the login and its limits at the target, then rotate again.',
);
export const VERIFICATION_FAILED = error(
  'verification_failed',
  'The new value logs in, but the verification query fails.',
  'See that both logins have the same rights, then rotate again.',
);
export const NOTHING_BEFORE_UNVERIFIED = passing(
  error(
    'first_value_unverified',
    'The target has the new value and its login works, but the verification query fails, and there is no value before it.',
    'Give the login what the query needs; dsops keeps trying. Resume to keep the value without that proof.',
  ),
);
export const NOTHING_BEFORE_REFUSED = passing(
  error(
    'first_value_refused',
    'The target took the new value and refuses its login, and there is no value before it.',
    'See the login and its limits at the target; dsops keeps trying. Resume to give the value up.',
  ),
);
export const UNVERIFIED_BEFORE = error(
  'verification_broken',
  'The verification query fails with the value that is CURRENT, before anything was changed.',
  'Correct the query or the rights of the login, then rotate again.',
);
export const currentRefused = (slot: string): RotationError => ({
  code: 'current_refused',
  about: 'target',
  message: `The target refuses the value that is CURRENT for ${slot}: somebody changed it there.`,
  remedy: 'Take over the present value of the login (import it), then rotate again.',
});
export const OLD_REFUSED = passing(
  error(
    'old_refused',
    'There is no way back yet: the old value does not work at the target.',
    'See whether somebody changed the login; dsops keeps trying. Resume to go back all the same.',
  ),
);
export const STILL_ACCEPTED = passing(
  error(
    'still_accepted',
    'The target still accepts the value that was ended.',
    'See who changed the login; resume to end it again.',
  ),
);
export const FOREIGN_EDIT = error(
  'foreign_edit',
  'The login no longer accepts the value that dsops recorded: somebody changed it. Its present value is not ours to end.',
  'Resume to end whatever the login accepts now, or roll back.',
);

export const BOTH_REFUSED: Failure = {
  code: 'both_refused',
  message: 'The target refuses the new value and the old one.',
  remedy: 'See whether the login is locked, has expired or was changed by somebody; dsops keeps trying.',
  isPassing: true,
};
export const REPLACEMENT_REFUSED: Failure = {
  code: 'replacement_refused',
  message: 'The target refuses the value that should replace the one that ends, so nothing is ended.',
  remedy: 'See whether somebody changed the login; dsops keeps trying.',
  isPassing: true,
};
export const LABELS_DIFFER: Failure = {
  code: 'labels_moved',
  message: 'CURRENT is no longer the version that this rotation began with.',
  remedy: 'See who took over another value meanwhile; roll this rotation back.',
  isPassing: true,
};
export const PUBLISH_DIFFERS: Failure = {
  code: 'publish_differs',
  message: 'What was read back as CURRENT is not what was written.',
  remedy: 'See who writes to the store; dsops keeps trying.',
  isPassing: true,
};
