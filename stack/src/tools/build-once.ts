import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DomainError } from '@dsops/kernel';
import { isAlive } from '../is-alive.js';

interface BuildOptions {
  /** Where the tool ends up, such as `…/tools/kafka-4.2.0`. That it exists means that it is whole. */
  readonly folder: string;
  /** Fills an empty folder. What it throws leaves nothing behind. */
  readonly build: (emptyFolder: string) => Promise<void>;
  /** Another process builds the same and is waited for. */
  readonly onWait?: (pid: number) => void;
}

/**
 * Builds into a folder beside the final one and renames it when it is whole, so that an interrupted build never looks
 * like a tool. Of several processes one builds; the others wait for it. The lock of one that died is taken over.
 * @throws DomainError `tools_folder_unusable`, and whatever the build throws
 */
export async function buildOnce({ folder, build, onWait }: BuildOptions): Promise<void> {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  const lock = `${folder}.lock`;
  while (!take(lock)) {
    const holder = Number(readIfThere(lock));
    if (isAlive(holder)) {
      onWait?.(holder);
      await pause(250);
    } else rmSync(lock, { force: true });
    // Two that find the same dead lock at the same time could both go on: they build in folders of their own, and the
    // second rename finds the place taken.
    if (existsSync(folder)) return;
  }
  const partial = `${folder}.${process.pid}.partial`;
  try {
    if (existsSync(folder)) return;
    removeLeftovers(folder);
    makeFolder(partial);
    await build(partial);
    moveInto(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
    rmSync(lock, { force: true });
  }
}

function take(lock: string): boolean {
  try {
    writeFileSync(lock, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw unusable(dirname(lock), error);
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // given back just now
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw unusable(folder, error);
  }
}

function moveInto(partial: string, folder: string): void {
  try {
    renameSync(partial, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
}

/** What builds that were killed have left beside the place. */
function removeLeftovers(folder: string): void {
  const pattern = /\.(\d+)\.partial$/;
  for (const name of readdirSync(dirname(folder))) {
    if (!name.startsWith(`${basename(folder)}.`)) continue;
    const pid = Number(pattern.exec(name)?.[1]);
    if (pid > 0 && pid !== process.pid && !isAlive(pid))
      rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
}

const unusable = (folder: string, cause: unknown) =>
  new DomainError(
    'tools_folder_unusable',
    'unavailable',
    `dsops cannot write its tools to ${folder}.`,
    { remedy: 'Make it writable for you, or choose another folder with DSOPS_TOOLS_HOME.' },
    { cause },
  );
