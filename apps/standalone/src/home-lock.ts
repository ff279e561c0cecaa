import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '@dsops/kernel';
import type { HomePaths } from '@dsops/kernel/home';
import { processIdentity } from './process-identity.js';

/**
 * Takes the installation's folder for this process, so that no two of them work on the same data and key.
 * @throws DomainError `home_locked` while another process holds it; the lock of one that died is taken over, also when
 * its number has been given to another program since.
 */
export function lockHome(home: HomePaths): { release(): void } {
  // Root lets others pass through: the database runs as an account of its own. Keys have a private folder below.
  mkdirSync(home.folder, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  const file = join(home.folder, 'lock');
  for (;;) {
    try {
      writeFileSync(file, `${process.pid}\n${processIdentity(process.pid) ?? ''}\n`, { flag: 'wx', mode: 0o600 });
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(home.folder, error);
    }
    const [number, identity = ''] = readFileSync(file, 'utf8').split('\n');
    const holder = Number(number);
    if (holder !== process.pid && isAlive(holder) && isSame(holder, identity))
      throw new DomainError('home_locked', 'conflict', `dsops already runs on ${home.folder} (process ${holder}).`, {
        remedy: `Use that one, stop it, or start this one with a folder of its own: DSOPS_HOME=… If no dsops runs there, delete ${file}.`,
      });
    rmSync(file, { force: true });
  }
}

const unusable = (folder: string, cause: unknown) =>
  new DomainError(
    'home_unusable',
    'unavailable',
    `dsops cannot write to ${folder}.`,
    { remedy: 'Make it writable for you, or choose another folder with DSOPS_HOME.' },
    { cause },
  );

/** Is it still the process that took the lock, as far as anybody can tell? */
function isSame(pid: number, identity: string): boolean {
  const now = processIdentity(pid);
  return identity === '' || now === null || now === identity;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
