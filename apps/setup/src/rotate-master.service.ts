import { withClient } from '@dsops/database';
import { changeMasterKey, describeOutcome, progressLine } from '@dsops/key-change';
import type { SetupConfig } from './config.js';
import { urlOf } from './database-url.js';
import { serviceKeyPath, writeServiceKeys } from './service-keys.js';

/**
 * Seals everything under a new master key while no service runs, or goes on with that. Passwords of roles are the
 * operator's here and stay; the service keys are written anew, before the key file is.
 * @param tell a line for people: how far it is, and at the end what to do
 * @throws DomainError with what stands in the way
 */
export async function rotateMaster(
  config: SetupConfig,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { keyFile, serviceKeys } = config;
  const change = await withClient(urlOf(config, config.database), (client) =>
    changeMasterKey({
      keyFile,
      client,
      adopt: () => Promise.resolve(),
      handOut: (key) => writeServiceKeys(key, serviceKeys),
      onProgress: (progress) => tell(progressLine(progress)),
      signal,
    }),
  );
  for (const line of describeOutcome(change, keyFile)) tell(line);
  tell(
    `The service keys are written anew, such as ${serviceKeyPath(serviceKeys, 'rotation')}. A service that gets its key from a variable or a secret store (DSOPS_SERVICE_KEY, DSOPS_SERVICE_KEY_FROM) needs the new text there before it starts.`,
  );
}
