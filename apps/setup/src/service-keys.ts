import { existsSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { INSTALLATION_FILES, SERVICE_KEY } from '@dsops/contracts/service-declaration';
import { SEALING_SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import { DomainError, unwrapSecret } from '@dsops/kernel';
import { replaceFile, type MasterKey } from '@dsops/sealing';

/** Where the key of a service is put: in a folder of its own, so that it can be a volume that only this service has. */
export const serviceKeyPath = (folder: string, service: ServiceName): string => join(folder, service, SERVICE_KEY.file);

/**
 * Writes the key of each service that seals, derived from the master key, where it is not there already.
 * @throws DomainError `service_key_unwritable`
 */
export async function writeServiceKeys(master: MasterKey, folder: string): Promise<void> {
  for (const service of SEALING_SERVICES) {
    const path = serviceKeyPath(folder, service);
    const text = `${unwrapSecret(master.serviceKey(service).write())}\n`;
    try {
      if (!existsSync(path) || (await readFile(path, 'utf8')) !== text) await replaceFile(path, text);
    } catch (error) {
      throw unwritable(path, error);
    }
  }
}

/**
 * Rotation's mark lay beside the master key before there were service keys. Where it lies beside rotation's own key now,
 * it goes on from there; a mark that is there already knows better.
 */
export async function bringMark(keyFile: string, folder: string): Promise<void> {
  const { file } = INSTALLATION_FILES.mark;
  const [before, now] = [join(dirname(keyFile), file), join(dirname(serviceKeyPath(folder, 'rotation')), file)];
  try {
    if (existsSync(before) && !existsSync(now)) await copyFile(before, now);
  } catch (error) {
    throw unwritable(now, error);
  }
}

const unwritable = (path: string, cause: unknown) =>
  new DomainError(
    'service_key_unwritable',
    'unavailable',
    `${path} cannot be written (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
    { remedy: 'Let the account of this program write there, or set DSOPS_SERVICE_KEYS to another folder.' },
    { cause },
  );
