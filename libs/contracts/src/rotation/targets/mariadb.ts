import { z } from 'zod';
import { defineTarget, flagged, type Slot } from './define-target.js';
import {
  authorityField,
  hostField,
  hostInPlace,
  portField,
  queryField,
  slotFaults,
  sslModeField,
  sslModeOf,
} from './fields.js';

/** Quotes and backslashes would mean something else under another `sql_mode`. */
const accountPart = (longest: number) =>
  z
    .string()
    .regex(
      new RegExp(`^(?! )[^'"\`\\\\@#]{1,${longest}}(?<! )$`),
      `no quotes, backslashes, @ or #, no blank at its beginning or end, at most ${longest} characters`,
    );

interface Accounts {
  readonly slots: readonly string[];
  readonly accountHost: string;
  readonly dualPassword: boolean;
}

const slotsOf = ({ slots, accountHost, dualPassword }: Accounts): Slot[] =>
  slots.flatMap((login) => {
    const account = `${login}@${accountHost}`;
    return dualPassword
      ? [
          { name: `${account}#1`, login },
          { name: `${account}#2`, login },
        ]
      : [{ name: account, login }];
  });

/**
 * Accounts of MariaDB. Two values stand side by side as two accounts that take turns, or as two passwords of one account
 * (`IDENTIFIED VIA … OR …`), of which the first and the second alternative are the slots.
 */
export const mariadb = defineTarget({
  kind: 'mariadb',
  title: 'MariaDB',
  target: z.strictObject({
    host: hostField(),
    port: portField(3306),
    database: flagged(z.string().min(1).max(64), '--database <name>', 'database to log in to'),
    sslMode: sslModeField(),
    ca: authorityField(),
  }),
  admin: 'login',
  settings: z.strictObject({
    slots: flagged(
      z.array(accountPart(80)).min(1).max(2),
      '--slot <login>',
      'account, as it is written at the server, the one in use first; give the flag twice for two-key, or one with --dual',
    ),
    accountHost: flagged(
      accountPart(255).default('%'),
      '--account-host <host>',
      "host part of the accounts, as in 'app'@'%' (default: %)",
    ),
    dualPassword: flagged(z.boolean().default(false), '--dual', 'two passwords of one account instead of two accounts'),
  }),
  check: z.strictObject({ query: queryField('SELECT 1') }),
  slots: slotsOf,
  faults(settings, shape) {
    const path = 'credential.dualPassword';
    if (settings.dualPassword && settings.slots.length > 1)
      return [{ path, message: 'one account has the two passwords: name one slot' }];
    if (settings.dualPassword && shape === 'in-place')
      return [{ path, message: 'two passwords stand side by side: use the strategy two-key' }];
    return [
      ...slotFaults(
        slotsOf(settings).map(({ name }) => name),
        shape,
      ),
    ];
  },
  server: ({ host, port }) => `${host}:${port}`,
  address: ({ host, port, database }) => `${hostInPlace(host)}:${port}/${database}`,
  details: (target, { accountHost, dualPassword }) => [
    ['Encryption', `sslmode ${sslModeOf(target)}${target.ca === undefined ? '' : ', own authority'}`],
    ['Account host', accountHost],
    ['Two passwords', dualPassword ? 'of one account' : 'no'],
  ],
  letsAnybodyIn: 'Start the server without skip-grant-tables, and give the account a password.',
});

export type MariadbTarget = z.output<typeof mariadb.target>;
export type MariadbSettings = z.output<typeof mariadb.settings>;
export type MariadbCheck = z.output<typeof mariadb.check>;
