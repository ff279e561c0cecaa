import type { NextStep, NotificationView } from '@dsops/contracts/notification/api';

/** What to type for each next step; null when the notification does not say enough for it. */
const COMMANDS: Record<NextStep, (told: NotificationView) => string | null> = {
  follow: ({ entity }) => `Follow it: dsops rotation show ${entity.id} --watch`,
  see_steps: ({ entity }) => `See each step: dsops rotation show ${entity.id}`,
  see_target: ({ place }) =>
    place && `See what the target accepts: dsops rotation status ${place.environment}/${place.service} --verbose`,
  try_again: ({ place }) => place && `Try again: dsops rotation rotate ${place.environment}/${place.service}`,
  clear: ({ place }) => place && `Nobody uses it any more? dsops rotation clear ${place.environment}/${place.service}`,
  resume: ({ entity }) => `When the cause is gone: dsops rotation resume ${entity.id}`,
};

const isKnown = (step: string): step is NextStep => Object.hasOwn(COMMANDS, step);

/** What a notification tells, line by line, with what to type next. A step of a later release is passed over. */
export function linesOf(told: NotificationView): string[] {
  const commands = told.nextSteps.map((step) => (isKnown(step) ? COMMANDS[step](told) : null));
  return [...(told.body === '' ? [] : told.body.split('\n')), ...commands.filter((line) => line !== null)];
}
