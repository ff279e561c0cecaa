import { statfs } from 'node:fs/promises';
import { DomainError } from '@dsops/kernel';
import { Trouble, type Dependency } from '@dsops/platform';

const MEGABYTE = 1024 ** 2;
/** PostgreSQL makes its log in files of 16 MB, and stops when it cannot. */
const LEAST_BYTES = 48 * MEGABYTE;
const WANTED_BYTES = 512 * MEGABYTE;

/** Where data and keys lie there has to be room, also for what a checkpoint or a rotation needs at once. */
export const roomyDisk = (
  folders: readonly string[],
  freeBytesOf: (folder: string) => Promise<number> = freeBytes,
): Dependency => ({
  name: 'disk',
  async check() {
    const all = await Promise.all(folders.map(async (folder) => ({ folder, free: await freeBytesOf(folder) })));
    const { folder, free } = all.reduce((least, one) => (one.free < least.free ? one : least));
    const message = `${Math.floor(free / MEGABYTE)} MB are free on the disk of ${folder}.`;
    const remedy = `Make room there: dsops wants ${WANTED_BYTES / MEGABYTE} MB, and stops below ${LEAST_BYTES / MEGABYTE} MB.`;
    if (free < LEAST_BYTES) throw new DomainError('disk_full', 'unavailable', message, { about: 'database', remedy });
    return free < WANTED_BYTES ? new Trouble('disk_low', message, remedy) : null;
  },
});

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
