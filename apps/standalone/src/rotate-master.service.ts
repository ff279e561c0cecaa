import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setEmbeddedPasswords, startPostgres, withClient, type PostgresServer } from '@dsops/database';
import { DomainError, isDomainError } from '@dsops/kernel';
import type { HomePaths } from '@dsops/kernel/home';
import { changeMasterKey, type KeyChange, type Progress } from '@dsops/key-change';
import { keyPaths } from '@dsops/rotation';
import { DATABASE_SUPERUSER, databaseRole, KeyFiles, type MasterKey } from '@dsops/sealing';
import { databaseFolder } from './data-folder.js';
import { lockHome } from './home-lock.js';
import { DATABASE, keyThatFits } from './own-database.js';

/**
 * Seals everything in an installation on this machine under a new master key while dsops is stopped, or goes on with
 * that. The passwords of its own PostgreSQL come from the key, and are changed in the transaction from which on it counts.
 * @throws DomainError with what stands in the way
 */
export async function rotateMaster(
  home: HomePaths,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<KeyChange> {
  const dataDir = databaseFolder(home);
  const { keyFile } = keyPaths(home.folder);
  // Before the lock, which would make the folder.
  if (!existsSync(join(dataDir, 'PG_VERSION'))) throw noInstallation(home.folder);
  const lock = lockStopped(home);
  try {
    const { current, next } = await new KeyFiles(keyFile).look();
    const some = current ?? next;
    if (some === null) throw noKey(keyFile);
    const server = await startPostgres({ dataDir, password: some.password(DATABASE_SUPERUSER) });
    try {
      return await change(server, keyFile, onProgress, signal);
    } finally {
      await server.stop();
    }
  } finally {
    lock.release();
  }
}

async function change(
  server: PostgresServer,
  keyFile: string,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<KeyChange> {
  const key = await keyThatFits(server, keyFile);
  if (key === null)
    throw new DomainError('key_mismatch', 'refused', `The key file ${keyFile} does not belong to this data.`, {
      remedy:
        'Put the key file that was made with this data back, and run the same command again. Nothing was changed.',
    });
  return withClient(server.urlWith(key.password(DATABASE_SUPERUSER), DATABASE), (client) =>
    changeMasterKey({
      keyFile,
      client,
      adopt: (to: MasterKey) =>
        setEmbeddedPasswords(client, to.password(DATABASE_SUPERUSER), (schema) => to.password(databaseRole(schema))),
      // Each start derives what the services need.
      handOut: () => Promise.resolve(),
      onProgress,
      signal,
    }),
  );
}

function lockStopped(home: HomePaths): { release(): void } {
  try {
    return lockHome(home);
  } catch (error) {
    if (!isDomainError(error) || error.code !== 'home_locked') throw error;
    throw new DomainError(error.code, error.kind, error.message, {
      remedy: 'Stop it and run the same command again: while the master key changes, nobody may use the data.',
    });
  }
}

const noInstallation = (folder: string) =>
  new DomainError('no_installation', 'not_found', `There is no dsops in ${folder}.`, {
    remedy:
      'Choose its folder with DSOPS_HOME. Where services are processes of their own, run the setup program with rotate-master.',
  });

const noKey = (keyFile: string) =>
  new DomainError('key_missing', 'refused', `The key file ${keyFile} is missing, and the database needs it.`, {
    remedy: `Put the backup of the key file back at ${keyFile} and run the same command again. Nothing was changed.`,
  });
