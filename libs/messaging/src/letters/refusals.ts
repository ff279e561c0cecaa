import { DomainError } from '@dsops/kernel';

/** Why a dead letter was not replayed. Each leaves it open. */

export const stillUnknown = (fault: string | undefined): DomainError =>
  new DomainError(
    'dead_letter_still_unknown',
    'conflict',
    `This release has no contract for it. ${fault ?? ''}`.trimEnd(),
    {
      remedy: 'Update dsops, then replay it.',
    },
  );

export const failedAgain = (reason: string): DomainError =>
  new DomainError('dead_letter_failed_again', 'conflict', `It failed again. ${reason}`, {
    remedy: 'Remove the cause, which the log names, then replay it.',
  });

export const superseded = (): DomainError =>
  new DomainError('dead_letter_superseded', 'conflict', 'Newer events of its key have been applied since.', {
    remedy: 'It is not applied behind them; what it told is derived from the present state of its owner.',
  });

export const mustWait = (): DomainError =>
  new DomainError('dead_letter_not_next', 'conflict', 'An earlier event of its key waits as well.', {
    remedy: 'Replay that one first; this one follows by itself.',
  });
