import { dirname, join } from 'node:path';
import { INSTALLATION_FILES, type InstallationFile } from '@dsops/contracts/service-declaration';
import type { HomePaths } from '@dsops/kernel/home';
import { keyPaths } from '@dsops/rotation';

/** Where the files that services ask for lie in the folder of an installation. */
export function installationFiles(home: HomePaths): Record<InstallationFile, string> {
  const { markFile } = keyPaths(home.folder);
  return {
    mark: markFile,
    auditHead: join(dirname(markFile), INSTALLATION_FILES.auditHead.file),
    adminKey: home.adminKeyFile,
  };
}
