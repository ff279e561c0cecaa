import { DomainError } from '@dsops/kernel';

/** A session carries one command: a second one would be one that recovery does not know of. */
export class OneCommand {
  private isUsed = false;

  /** @throws DomainError `session_used` from the second call on */
  claim(): void {
    if (this.isUsed)
      throw new DomainError('session_used', 'internal', 'A session at a target carries one command only.', {
        remedy: 'Open another session.',
      });
    this.isUsed = true;
  }
}

/** @throws DomainError `session_ended` when the session was gone before anything was sent on it */
export function assertOpen(brokenBy: Error | null, place: string): void {
  if (brokenBy === null) return;
  throw new DomainError('session_ended', 'unavailable', `The session at ${place} ended before the command was sent.`, {
    about: 'target',
    remedy: 'Nothing was changed; try again.',
  });
}
