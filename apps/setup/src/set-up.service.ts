import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import { assertKeyIsSettled, keyChangeUnfinished, migrate, readKeyState, withClient } from '@dsops/database';
import { DomainError } from '@dsops/kernel';
import { howToPutBack, KeyFiles, openKeyFile, type MasterKey } from '@dsops/sealing';
import type { SetupConfig } from './config.js';
import { urlOf } from './database-url.js';
import { bringMark, writeServiceKeys } from './service-keys.js';

/**
 * Prepares what the services stand on: the master key and the service keys, the database, a schema and a role for each
 * service. Can be
 * run again at any time, and has to be with each new release; what is there stays. Topics: `dsops topics apply`.
 * @returns how many migrations were applied
 * @throws DomainError `key_missing`: the database has been used, and its key is not there; `key_foreign`: it was sealed
 *   with another one; `key_change_unfinished`
 */
export async function setUp(config: SetupConfig): Promise<number> {
  // The key first: with it there, whatever ends this in the middle can be done again.
  const master = await openKeyFile({ path: config.keyFile, database: await prepareDatabase(config) });
  await assertKeyFits(config, master);
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

/** A service that is handed the key of another master key could open nothing, and would seal what nobody else can open. */
async function assertKeyFits(config: SetupConfig, master: MasterKey): Promise<void> {
  const state = await withClient(urlOf(config, config.database), async (client) => {
    await assertKeyIsSettled(client);
    return readKeyState(client);
  });
  if (state === null || state.keyId === master.id) return;
  const files = new KeyFiles(config.keyFile);
  const { next, kept } = await files.look();
  if (next?.id === state.keyId) throw keyChangeUnfinished();
  const found = kept.find(({ key }) => key.id === state.keyId);
  throw new DomainError(
    'key_foreign',
    'refused',
    `The database is sealed with key ${state.keyId}, but ${config.keyFile} holds ${master.id}.`,
    {
      remedy: found
        ? `It is from before a change of the master key. ${howToPutBack(found, config.keyFile, config.keyFile, master.id)}, and run this again. Nothing was changed.`
        : `Put the backup of the key file with the id ${state.keyId} back and run this again. Nothing was changed.`,
    },
  );
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
