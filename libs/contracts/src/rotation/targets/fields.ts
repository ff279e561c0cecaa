import { z } from 'zod';
import type { Shape } from '../strategies.js';
import { flagged } from './define-target.js';

/** Fields that several kinds have, so that people find the same flag with the same meaning. */
export const hostField = () => flagged(z.string().min(1).max(253), '--host <host>', 'host of the target');

export const portField = (standard: number) =>
  flagged(z.int().min(1).max(65535).default(standard), '--port <port>', `port of the target (default: ${standard})`);

const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

/**
 * As libpq has it: `require` encrypts and checks nothing, `verify-ca` checks who signed the certificate, `verify-full`
 * also for which name. What is not said follows from where the target is: see {@link sslModeOf}.
 */
export const sslModeField = () =>
  flagged(
    z.enum(SSL_MODES).optional(),
    '--ssl-mode <mode>',
    'disable, require, verify-ca or verify-full (default: verify-full; disable on this machine)',
  );

/** Does the host name this machine? A path is the folder of a Unix socket. */
export const isThisMachine = (host: string): boolean => /^(localhost$|127\.|::1$|\/)/.test(host);

/** Beyond this machine, whoever answers has to prove its name unless a person chose otherwise by name. */
export const sslModeOf = ({
  host,
  sslMode,
}: {
  readonly host: string;
  readonly sslMode?: SslMode | undefined;
}): SslMode => sslMode ?? (isThisMachine(host) ? 'disable' : 'verify-full');

export const queryField = (standard: string) =>
  flagged(
    z.string().max(2000).default(standard),
    '--verify-query <sql>',
    `query that proves a login (default: ${standard})`,
  );

/** The rules that follow from the shape alone: how many slots it takes, and that they differ. */
export function* slotFaults(slots: readonly string[], shape: Shape) {
  const path = 'credential.slots';
  if (shape === 'in-place' && slots.length !== 1)
    yield { path, message: 'a value that is replaced in place has one slot: the login that is in use' };
  if (shape === 'side-by-side' && slots.length !== 2)
    yield { path, message: 'values that stand side by side need two slots that take turns' };
  if (new Set(slots).size !== slots.length) yield { path, message: 'the slots must be two different logins' };
}
