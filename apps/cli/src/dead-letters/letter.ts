import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import { usageError } from '../failure.js';

export interface LetterPlace {
  readonly owner: ServiceName;
  readonly letterId: string;
}

/** Which letter is meant: `owner/id`, or the two apart. */
export function readLetter(which: string, id: string | undefined): LetterPlace {
  const [owner, letterId = id] = which.split('/', 2);
  const known = SERVICES.find((service) => service === owner);
  if (known === undefined || letterId === undefined)
    throw usageError('This names no dead letter.', 'Write it as the list shows it, such as notification/01JD….');
  return { owner: known, letterId };
}
