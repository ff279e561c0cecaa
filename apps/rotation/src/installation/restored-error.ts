import { DomainError } from '@dsops/kernel';

/** In mode `restored` nothing is set, revoked, retired or given out, until a person has looked. */
export const restoredError = (reason: string | null): DomainError =>
  new DomainError(
    'installation_restored',
    'refused',
    `dsops changes nothing now, because its database seems to come from a copy. ${reason ?? ''}`.trimEnd(),
    {
      remedy: 'Make sure that the former installation is off, then run: dsops restore confirm',
    },
  );
