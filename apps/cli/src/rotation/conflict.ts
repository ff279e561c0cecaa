import { listRotations, type RotationView } from '@dsops/contracts/rotation/api';
import { ON_CONFLICT, TERMINAL_STATES } from '@dsops/contracts/rotation/states';
import type { Place } from '@dsops/contracts/rotation/place';
import { isDomainError, type DomainError } from '@dsops/kernel';
import type { ApiClient } from '@dsops/api-client';
import { usageError } from '../failure.js';
import { hasEnded } from './follow/follow-rotation.js';
import { showProgress } from './follow/progress.js';
import { ask } from '../input/prompt.js';
import { fields } from '../output/table.js';
import { ago } from '../output/time.js';
import type { Session } from '../session.js';

export type OnConflict = (typeof ON_CONFLICT)[number] | 'skip';

/** The older names mean what they meant: fail = reject, rollback = replace; skip is a word of the command line alone. */
const OLDER: Readonly<Record<string, OnConflict>> = { fail: 'reject', rollback: 'replace', skip: 'skip' };

export function readOnConflict(text: string): OnConflict {
  const word = text.toLowerCase();
  const found = OLDER[word] ?? ON_CONFLICT.find((choice) => choice === word);
  if (found) return found;
  throw usageError('The value of --on-conflict is not valid.', `It takes one of: ${ON_CONFLICT.join(', ')}, skip.`);
}

/** Is it about a rotation that runs? A plan that has drifted is a conflict too, and no other answer helps it. */
export const isConflict = (error: unknown): error is DomainError =>
  isDomainError(error) && error.kind === 'conflict' && error.code.startsWith('rotation_');

/** What to do about a running rotation: an answer to try again with, or to leave it at that. */
export async function settleConflict(
  session: Session,
  client: ApiClient,
  place: Place,
  given: OnConflict | undefined,
  error: DomainError,
): Promise<OnConflict | 'leave'> {
  const running = await findRunning(client, place);
  if (running === undefined) throw error;
  if (given === 'skip') {
    session.out.line(`○ ${place.service}: skipped, rotation ${running.id} is running`);
    return 'leave';
  }
  // Who gave an answer beforehand, or cannot be asked, gets the refusal.
  if (given !== undefined || !session.isInteractive) throw error;
  showRunning(session, running);
  for (;;) {
    const answer = (await ask(session, 'Wait for it, queue behind it, or abort? (w/q/A): ')).trim().toLowerCase();
    if (answer === 'q' || answer === 'queue') return 'queue';
    if (answer === 'w' || answer === 'wait') {
      await showProgress(session, client, running, hasEnded);
      return 'reject';
    }
    if (answer === '' || answer === 'a' || answer === 'abort') {
      session.err.line('Nothing was started.');
      return 'leave';
    }
  }
}

export async function findRunning(client: ApiClient, place: Place): Promise<RotationView | undefined> {
  const { items } = await client.call(listRotations, { query: { ...place, limit: 20 } });
  return items.find(({ state }) => !TERMINAL_STATES.includes(state));
}

function showRunning({ err, io }: Session, running: RotationView): void {
  err.line(`A rotation of ${running.service} is running:`);
  err.line(
    fields(
      err.paint,
      [
        ['Rotation', running.id],
        ['State', running.state],
        ['Started', `${ago(running.startedAt, io.now())} by ${running.requestedBy.name}`],
        ['Last step', running.steps.at(-1)?.name ?? 'none yet'],
      ],
      '  ',
    ),
  );
}
