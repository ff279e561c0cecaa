import { withClient, type PostgresServer } from '@dsops/database';
import { DomainError } from '@dsops/kernel';

export const DATABASE = 'dsops';

/**
 * Makes our database when it is not there yet.
 * @throws DomainError `key_mismatch` when the server refuses the password that comes from the key.
 */
export async function createDatabase(server: PostgresServer, keyFile: string): Promise<void> {
  try {
    await withClient(server.url(), async (client) => {
      const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
      if (rowCount === 0) await client.query(`create database ${DATABASE}`);
    });
  } catch (error) {
    if ((error as { code?: string }).code !== '28P01') throw error;
    throw new DomainError('key_mismatch', 'refused', `The key file ${keyFile} does not belong to this data.`, {
      remedy: 'Put the key file that was made with this data back, and start again. Nothing was changed.',
    });
  }
}
