import { nameOf } from './authentication.js';

export interface SetupNames {
  readonly database: string;
  readonly admin: string;
  /** Accounts that applications log in with. */
  readonly slots: readonly string[];
  readonly accountHost: string;
}

/**
 * What a superuser runs once, so that dsops can rotate. docs/targets/mariadb.md shows it.
 * - CREATE USER changes passwords, of every account: MariaDB has no narrower right.
 * - PROCESS and CONNECTION ADMIN let it see and end sessions; the table shows how accounts log in, as hashes.
 * The admin gets no password here: SET PASSWORD in the client keeps it out of files.
 */
export function setupStatements({ database, admin, slots, accountHost }: SetupNames): string[] {
  const name = nameOf({ user: admin, host: accountHost });
  return [
    `CREATE USER ${name} IDENTIFIED VIA mysql_native_password USING 'invalid';`,
    `GRANT CREATE USER, PROCESS, CONNECTION ADMIN ON *.* TO ${name};`,
    `GRANT SELECT ON mysql.global_priv TO ${name};`,
    ...slots.flatMap((user) => {
      const slot = nameOf({ user, host: accountHost });
      return [
        `CREATE USER ${slot} IDENTIFIED VIA mysql_native_password USING 'invalid' ACCOUNT LOCK;`,
        `GRANT ALL ON ${quoteIdentifier(database)}.* TO ${slot};`,
      ];
    }),
  ];
}

export const quoteIdentifier = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
