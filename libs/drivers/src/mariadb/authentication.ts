import { createHash } from 'node:crypto';
import { z } from 'zod';
import { unwrapSecret, type Secret } from '@dsops/kernel';
import type { Slot } from '../driver.js';

/** An account as MariaDB names it, and which of its two passwords is meant; null: it has one. */
export interface Account {
  readonly user: string;
  readonly host: string;
  readonly position: 1 | 2 | null;
}

/** A slot's name is its account, as in `app@%`, and `#1` or `#2` behind it where one account has two passwords. */
export function accountOf({ name, login }: Slot): Account {
  const [, host = '%', position] = /@([^@#]*)(?:#([12]))?$/.exec(name) ?? [];
  return { user: login, host, position: position === undefined ? null : position === '1' ? 1 : 2 };
}

/** Names hold no quotes or backslashes, see the declaration; what does is written so that it ends nothing. */
export const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
export const nameOf = ({ user, host }: Pick<Account, 'user' | 'host'>): string => `${quote(user)}@${quote(host)}`;

/**
 * What the server keeps of a password with the plugin that every client speaks: SHA-1 of its SHA-1, so that the password
 * itself crosses no wire and stands in no log (mysql_native_password in MariaDB's documentation of plugins).
 */
export function nativeHash(value: Secret): string {
  const once = createHash('sha1').update(unwrapSecret(value), 'utf8').digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
}

const NATIVE = 'mysql_native_password';
/** No password hashes to it, so nobody logs in with it. */
const NOBODY = 'invalid';
const HASH = /^\*[0-9A-F]{40}$/;

/** What an account lets in at one of its alternatives. `foreign`: a plugin that dsops does not set. */
export type Alternative =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'hash'; readonly hash: string }
  | { readonly kind: 'foreign'; readonly plugin: string };

const partSchema = z.object({ plugin: z.string().optional(), authentication_string: z.string().optional() });
const privilegesSchema = partSchema.extend({
  auth_or: z.array(partSchema).optional(),
  account_locked: z.boolean().optional(),
  password_lifetime: z.number().optional(),
  password_last_changed: z.number().optional(),
  max_user_connections: z.number().optional(),
});

export interface Authentication {
  readonly alternatives: readonly Alternative[];
  readonly isLocked: boolean;
  /** Somebody let the password expire by hand. */
  readonly isExpired: boolean;
  /** 0: as many as the server allows. */
  readonly connectionLimit: number;
}

/** Reads `mysql.global_priv.Priv`: its alternatives in their order, of which one, `{}`, stands at the top level. */
export function authenticationOf(priv: unknown): Authentication {
  const read = privilegesSchema.parse(priv);
  const top = { plugin: read.plugin, authentication_string: read.authentication_string };
  const parts = read.auth_or?.map((part) => (part.plugin === undefined ? top : part)) ?? [top];
  return {
    alternatives: parts.map(alternativeOf),
    isLocked: read.account_locked ?? false,
    isExpired: read.password_last_changed === 0,
    connectionLimit: read.max_user_connections ?? 0,
  };
}

function alternativeOf({
  plugin = NATIVE,
  authentication_string: text = '',
}: z.output<typeof partSchema>): Alternative {
  if (plugin !== NATIVE && plugin !== '') return { kind: 'foreign', plugin };
  // Without a password the account lets in whoever gives none.
  if (text === '') return { kind: 'foreign', plugin: 'no password' };
  return HASH.test(text) ? { kind: 'hash', hash: text } : { kind: 'nobody' };
}

const clause = (hash: string | null): string => `${NATIVE} USING ${quote(hash ?? NOBODY)}`;

/** One statement, which commits by itself: what the account lets in, and whether it is locked. Null: nobody. */
export function alterAccount(account: Account, hashes: readonly (string | null)[]): string {
  const lock = hashes.every((hash) => hash === null) ? 'LOCK' : 'UNLOCK';
  return `ALTER USER ${nameOf(account)} IDENTIFIED VIA ${hashes.map(clause).join(' OR ')} ACCOUNT ${lock}`;
}
