import { quote } from './answers.js';

export interface SetupNames {
  readonly database: string;
  readonly admin: string;
  readonly owner: string;
  readonly slots: readonly string[];
}

/**
 * What a superuser runs once, so that dsops can rotate with the least rights. docs/targets/postgresql.md shows it.
 * - CREATEROLE and ADMIN OPTION let the admin change the password of these roles, and of no others.
 * - INHERIT FALSE keeps what these roles may do from the admin, SET FALSE keeps it from acting as them.
 * - `SET role` makes every session of a slot begin as the owner, which then owns what it creates.
 * The admin gets no password here: `\password` in psql, or a SCRAM verifier, keeps it out of logs.
 */
export function setupStatements({ database, admin, owner, slots }: SetupNames): string[] {
  const literal = `'${owner.replaceAll("'", "''")}'`;
  return [
    `CREATE ROLE ${quote(admin)} LOGIN CREATEROLE;`,
    `CREATE ROLE ${quote(owner)} NOLOGIN;`,
    `GRANT CONNECT ON DATABASE ${quote(database)} TO ${quote(admin)}, ${quote(owner)};`,
    ...slots.flatMap((slot) => [
      `CREATE ROLE ${quote(slot)} NOLOGIN;`,
      acting(owner, slot),
      `ALTER ROLE ${quote(slot)} SET role = ${literal};`,
      administration(slot, admin),
    ]),
  ];
}

/** Lets a slot act as the owner. Before PostgreSQL 16 a membership had no such options, and each of them was true. */
export const acting = (owner: string, slot: string, versionNumber = 160_000): string =>
  `GRANT ${quote(owner)} TO ${quote(slot)}${versionNumber < 160_000 ? '' : ' WITH INHERIT TRUE, SET TRUE'};`;

/** From PostgreSQL 16 on; before, CREATEROLE alone reaches every role that is no superuser. */
export const administration = (slot: string, admin: string): string =>
  `GRANT ${quote(slot)} TO ${quote(admin)} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;`;

/** No smaller right ends sessions of others without what their role may do. It reaches all but those of superusers. */
export const endingSessions = (admin: string): string => `GRANT pg_signal_backend TO ${quote(admin)};`;
