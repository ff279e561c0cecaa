import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { dirname, join, parse } from 'node:path';
import type { HomePaths } from '@dsops/kernel/home';

/**
 * Where the database's files lie: below the installation's folder. PostgreSQL does not run as root, and the account it
 * runs as cannot enter root's private folders: then below /var/lib/dsops, in a folder that belongs to this installation.
 */
export function databaseFolder(home: HomePaths): string {
  const wanted = join(home.folder, 'data');
  if (process.getuid?.() !== 0 || canBeEntered(home.folder)) return wanted;
  return join('/var/lib/dsops', createHash('sha256').update(home.folder).digest('hex').slice(0, 12), 'data');
}

/** dsops itself makes the installation's folder private; what counts is whether the folders above it let others pass. */
function canBeEntered(folder: string): boolean {
  for (let at = folder; at !== parse(at).root; at = dirname(at))
    if (existsSync(at) && !(statSync(at).mode & 0o001)) return false;
  return true;
}
