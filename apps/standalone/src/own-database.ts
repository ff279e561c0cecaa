import pg from 'pg';
import type { PostgresServer } from '@dsops/database';
import { DomainError } from '@dsops/kernel';

export const DATABASE = 'dsops';

/**
 * Makes our database when it is not there yet.
 * @throws DomainError `key_mismatch` when the server refuses the password that comes from the key.
 */
export async function createDatabase(server: PostgresServer, keyFile: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url() });
  client.on('error', () => undefined); // a connection that breaks shows in the query
  try {
    await client.connect();
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } catch (error) {
    if ((error as { code?: string }).code !== '28P01') throw error;
    throw new DomainError('key_mismatch', 'refused', `The key file ${keyFile} does not belong to this data.`, {
      remedy: 'Put the key file that was made with this data back, and start again. Nothing was changed.',
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}
