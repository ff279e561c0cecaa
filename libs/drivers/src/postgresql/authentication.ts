import {
  POSTGRESQL_AUTH,
  type PostgresqlAuth,
  type PostgresqlTarget,
} from '@dsops/contracts/rotation/targets/postgresql';

/** What was asked of us. `none`: we were let in unasked. `unproven`: let in before the server had shown that it knows us. */
export type Asked = PostgresqlAuth | 'none' | 'unproven';

/** The target's `auth`, and everything that is stronger. */
export const isAllowed = (
  asked: PostgresqlAuth,
  { auth = POSTGRESQL_AUTH[0] }: Pick<PostgresqlTarget, 'auth'>,
): boolean => POSTGRESQL_AUTH.indexOf(asked) <= POSTGRESQL_AUTH.indexOf(auth);

/** What answered speaks another protocol. */
export class ForeignAnswer extends Error {
  override readonly name = 'ForeignAnswer';
}

/** The server asked for the password in a way that was not chosen, or did not ask at all. Nothing was sent to it. */
export class AuthenticationDeclined extends Error {
  override readonly name = 'AuthenticationDeclined';

  constructor(readonly asked: Asked) {
    super(`The server asked for ${asked}.`);
  }
}
