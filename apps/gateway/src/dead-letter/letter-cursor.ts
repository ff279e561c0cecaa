import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import { DomainError } from '@dsops/kernel';

/** A place in the lists of several services, read one after the other. */
export interface LetterCursor {
  readonly owner: ServiceName;
  /** The owner's own cursor; undefined at the beginning of its list. */
  readonly inner: string | undefined;
}

export const writeCursor = ({ owner, inner }: LetterCursor): string =>
  Buffer.from(JSON.stringify([owner, inner ?? null])).toString('base64url');

/** @throws DomainError `cursor_invalid` */
export function readCursor(cursor: string): LetterCursor {
  try {
    const [owner, inner] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as [unknown, unknown];
    const known = SERVICES.find((service) => service === owner);
    if (known !== undefined && (inner === null || typeof inner === 'string'))
      return { owner: known, inner: inner ?? undefined };
  } catch {
    // No cursor of ours: said below.
  }
  throw new DomainError('cursor_invalid', 'invalid', 'query.cursor: is not a cursor of this list', {
    errors: [{ path: 'query.cursor', message: 'is not a cursor of this list' }],
    remedy: 'Begin again without it.',
  });
}
