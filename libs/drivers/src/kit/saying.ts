import { DomainError, type ErrorKind } from '@dsops/kernel';

/** What is told of a failure at a target: composed by us, so that no text of a server gets into it. */
export interface Saying {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly remedy: string;
}

/** @param facts what helps to find it in the log of the target, such as a code of the server; never a text */
export const errorSaying = ({ code, kind, message, remedy }: Saying, facts: Record<string, string | number> = {}) =>
  new DomainError(code, kind, message, { about: 'target', remedy, ...facts });
