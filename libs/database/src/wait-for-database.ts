import { setTimeout as pause } from 'node:timers/promises';
import { DomainError, isDomainError } from '@dsops/kernel';
import { keyChangeUnfinished } from './key-change.js';
import { loginOf, withClient, type DatabaseOptions } from './postgres.js';
import { roleOf, type SchemaName } from './schemas.js';

const AGAIN_AFTER_MS = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Login refused, no such role, database or right: waiting mends none of these. */
const NOT_FOR_WAITING = new Set(['28000', '28P01', '3D000', '42501']);

/**
 * Resolves once the database lets this service's role in. While nobody answers there, or the server is still starting,
 * it tries again every second and says so once.
 * @throws DomainError `database_refuses` when it answers and refuses the login, `database_pooled`, `key_change_unfinished`;
 *   the reason of `signal` when that aborts
 */
export async function waitForDatabase(
  schema: SchemaName,
  options: DatabaseOptions,
  { onWaiting, signal }: { readonly onWaiting: (reason: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  let hasSaid = false;
  for (;;) {
    signal.throwIfAborted();
    const reason = await tryLogin(schema, options);
    if (reason === undefined) return;
    if (!hasSaid) onWaiting(reason);
    hasSaid = true;
    await pause(AGAIN_AFTER_MS, undefined, { signal });
  }
}

/** Why it does not work yet; undefined when it does. */
async function tryLogin(schema: SchemaName, options: DatabaseOptions): Promise<string | undefined> {
  let isClosed: boolean | undefined;
  const login = { ...loginOf(schema, options), connectionTimeoutMillis: CONNECT_TIMEOUT_MS };
  try {
    isClosed = await withClient(login, async (client) => {
      const { rows } = await client.query<{ isClosed: boolean }>(
        `select not has_schema_privilege(oid, 'usage') as "isClosed" from pg_namespace where nspname = $1`,
        [schema],
      );
      return rows[0]?.isClosed;
    });
  } catch (error) {
    if (isDomainError(error)) throw error;
    const { code } = error as { code?: string };
    if (code !== undefined && NOT_FOR_WAITING.has(code))
      throw new DomainError(
        'database_refuses',
        'refused',
        `The database ${options.database} on ${options.host}:${options.port} refuses ${roleOf(schema)} (${code}).`,
        { remedy: 'See DSOPS_DATABASE_NAME and the password of this role, and whether the migrations ran.' },
      );
    return code ?? 'no answer';
  }
  // So it is while the master key is being changed, for every service that seals.
  if (isClosed) throw keyChangeUnfinished();
  return undefined;
}
