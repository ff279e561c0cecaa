import { keyChangeUnfinished, withClient, type PostgresServer } from '@dsops/database';
import { DomainError } from '@dsops/kernel';
import { DATABASE_SUPERUSER, howToPutBack, KeyFiles, type MasterKey } from '@dsops/sealing';

export const DATABASE = 'dsops';

/**
 * Makes our database when it is not there yet.
 * @throws DomainError `key_mismatch` when the server refuses the password that comes from the key,
 *   `key_change_unfinished` when it takes that of the next key
 */
export async function createDatabase(server: PostgresServer, keyFile: string): Promise<void> {
  try {
    await withClient(server.url(), async (client) => {
      const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
      if (rowCount === 0) await client.query(`create database ${DATABASE}`);
    });
  } catch (error) {
    if (!isRefused(error)) throw error;
    throw await mismatch(server, keyFile);
  }
}

/** The key, of those that lie in the key file and beside it, whose password the server takes; null when it is none of them. */
export async function keyThatFits(server: PostgresServer, keyFile: string): Promise<MasterKey | null> {
  const { current, next, kept } = await new KeyFiles(keyFile).look();
  for (const key of [current, next, ...kept.map((one) => one.key)])
    if (key !== null && (await isTaken(server, key))) return key;
  return null;
}

async function isTaken(server: PostgresServer, key: MasterKey): Promise<boolean> {
  try {
    await withClient(server.urlWith(key.password(DATABASE_SUPERUSER)), (client) => client.query('select 1'));
    return true;
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}

const isRefused = (error: unknown): boolean => (error as { code?: string }).code === '28P01';

async function mismatch(server: PostgresServer, keyFile: string): Promise<DomainError> {
  const { current, next, kept } = await new KeyFiles(keyFile).look();
  const fitting = await keyThatFits(server, keyFile);
  if (next !== null && fitting?.id === next.id) return keyChangeUnfinished();
  const former = kept.find(({ key }) => key.id === fitting?.id);
  return new DomainError('key_mismatch', 'refused', `The key file ${keyFile} does not belong to this data.`, {
    remedy: former
      ? `The data is from before a change of the master key and needs the key ${former.key.id}. ${howToPutBack(former, keyFile, keyFile, current?.id ?? null)}, and start again. Nothing was changed.`
      : 'Put the key file that was made with this data back, and start again. Nothing was changed.',
  });
}
