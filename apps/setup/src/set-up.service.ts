import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import { migrate, withClient } from '@dsops/database';
import { unwrapSecret } from '@dsops/kernel';
import { openKeyFile } from '@dsops/sealing';
import type { SetupConfig } from './config.js';
import { bringMark, writeServiceKeys } from './service-keys.js';

/**
 * Prepares what the services stand on: the master key and the service keys, the database, a schema and a role for each
 * service. Can be
 * run again at any time, and has to be with each new release; what is there stays. Topics: `dsops topics apply`.
 * @returns how many migrations were applied
 * @throws DomainError `key_missing`: the database has been used, and its key is not there
 */
export async function setUp(config: SetupConfig): Promise<number> {
  // The key first: with it there, whatever ends this in the middle can be done again.
  const master = await openKeyFile({ path: config.keyFile, database: await prepareDatabase(config) });
  await writeServiceKeys(master, config.serviceKeys);
  await bringMark(config.keyFile, config.serviceKeys);
  let applied = 0;
  await migrate({
    adminUrl: urlOf(config, config.database),
    schemas: SERVICES,
    passwordOf: (schema) => config.passwordOf(schema as ServiceName),
    onApplied: () => (applied += 1),
  });
  return applied;
}

/** Makes the database when it is not there. It exists for the key when the rotation service has a schema in it. */
async function prepareDatabase(config: SetupConfig): Promise<'new' | 'existing'> {
  await withClient(urlOf(config, 'postgres'), async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [config.database]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(config.database)}`);
  });
  return withClient(urlOf(config, config.database), async (client) => {
    const { rowCount } = await client.query("select from pg_namespace where nspname = 'rotation'");
    return rowCount === 0 ? 'new' : 'existing';
  });
}

function urlOf({ host, port, admin }: SetupConfig, database: string): string {
  const login = `${encodeURIComponent(admin.user)}:${encodeURIComponent(unwrapSecret(admin.password))}`;
  return `postgres://${login}@${host}:${port}/${encodeURIComponent(database)}`;
}
