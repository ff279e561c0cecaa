import { z } from 'zod';
import { defineTarget, flagged, type Fault } from './define-target.js';
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

/** What an identifier of PostgreSQL can be (NAMEDATALEN). */
const role = () =>
  z
    .string()
    .min(1)
    .max(63)
    .regex(/^\S(.*\S)?$/s, 'a blank stands at its beginning or end');

/** From strong to weak: the server never sees it; it sees a hash that it could use elsewhere; it gets it in clear. */
export const POSTGRESQL_AUTH = ['scram-sha-256', 'md5', 'password'] as const;
export type PostgresqlAuth = (typeof POSTGRESQL_AUTH)[number];

/** Logins of PostgreSQL. A slot is a login role, and bears its name. */
export const postgresql = defineTarget({
  kind: 'postgresql',
  title: 'PostgreSQL',
  target: z.strictObject({
    host: hostField(),
    port: portField(5432),
    database: flagged(z.string().min(1).max(63), '--database <name>', 'database to log in to'),
    sslMode: sslModeField(),
    ca: authorityField(),
    auth: flagged(
      z.enum(POSTGRESQL_AUTH).optional(),
      '--auth <method>',
      'weakest way to prove the password that the server may ask for: scram-sha-256, md5, or password, which sends it in clear (default: scram-sha-256)',
    ),
  }),
  admin: 'login',
  settings: z.strictObject({
    slots: flagged(
      z.array(role()).min(1).max(2),
      '--slot <login>',
      'login role, as it is written at the server, the one in use first; give the flag twice for two-key',
    ),
    owner: flagged(role().optional(), '--owner <role>', 'role that owns what both logins create; needed with two'),
    acceptedDifferences: flagged(
      z.array(z.string().min(1).max(500)).max(100).optional(),
      '--accept-difference <name>',
      'difference of the two login roles that may stay, as the plan names it (repeatable)',
    ),
  }),
  check: z.strictObject({ query: queryField('SELECT 1') }),
  slots: ({ slots }) => slots.map((name) => ({ name, login: name })),
  faults({ slots, owner, acceptedDifferences }, shape) {
    const faults: Fault[] = [...slotFaults(slots, shape)];
    const path = 'credential.owner';
    if (shape === 'side-by-side' && owner === undefined)
      faults.push({ path, message: 'two slots need the role that owns what both create' });
    if (owner !== undefined && slots.includes(owner))
      faults.push({ path, message: 'the owner must be a role of its own, not one of the slots' });
    if (acceptedDifferences !== undefined && shape === 'in-place')
      faults.push({ path: 'credential.acceptedDifferences', message: 'one slot differs from nothing' });
    return faults;
  },
  server: ({ host, port }) => `${host}:${port}`,
  address: ({ host, port, database }) => `${hostInPlace(host)}:${port}/${database}`,
  details: (target, { owner, acceptedDifferences = [] }) => [
    ['Encryption', `sslmode ${sslModeOf(target)}${target.ca === undefined ? '' : ', own authority'}`],
    ['Authentication', target.auth ?? POSTGRESQL_AUTH[0]],
    ['Owner', owner ?? '-'],
    ...acceptedDifferences.map((name) => ['Accepted difference', name] as const),
  ],
  letsAnybodyIn: 'Let the server ask for a password on this path: scram-sha-256 instead of trust in pg_hba.conf.',
});

export type PostgresqlTarget = z.output<typeof postgresql.target>;
export type PostgresqlSettings = z.output<typeof postgresql.settings>;
export type PostgresqlCheck = z.output<typeof postgresql.check>;
