import { z } from 'zod';
import type { Shape } from '../strategies.js';
import { flagged } from './define-target.js';

/** Fields that several kinds have, so that people find the same flag with the same meaning. */
export const hostField = () => flagged(z.string().min(1).max(253), '--host <host>', 'host of the target');

export const portField = (standard: number) =>
  flagged(z.int().min(1).max(65535).default(standard), '--port <port>', `port of the target (default: ${standard})`);

/** As libpq has it. `verify-full` checks the server's certificate and name. */
export const sslModeField = () =>
  flagged(
    z.enum(['disable', 'require', 'verify-full']).default('disable'),
    '--ssl-mode <mode>',
    'disable, require or verify-full (default: disable)',
  );

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
