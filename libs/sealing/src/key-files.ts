import { readdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DomainError } from '@dsops/kernel';
import { createFile, moveFile } from './durable-file.js';
import { keyFileContent, guardAccess, readKeyFile, readKeyFileText } from './key-file.js';
import { MasterKey, newKeyBytes } from './master-key.js';

/**
 * How a person puts a kept key in its place. Whatever lies there may be the only file of its key, and other data, or the
 * rest of this, may need it: it gets a name of its own first.
 * @param present the id of the key that lies there; null when there is no such file
 */
export function howToPutBack({ path: kept }: KeptKey, path: string, keyFile: string, present: string | null): string {
  const copy = `copy ${kept} to ${path}`;
  if (present === null) return `${copy[0]!.toUpperCase()}${copy.slice(1)}`;
  return `Rename ${path} to ${keyFile}.${present}.unused, so that its key is not lost, then ${copy}`;
}

/** A key that lies beside the key file. */
export interface KeptKey {
  readonly path: string;
  readonly key: MasterKey;
}

export interface FoundKeys {
  /** What the key file holds; null when it is not there. */
  readonly current: MasterKey | null;
  /** What `<key file>.next` holds: made by a change of the master key, and not yet installed. */
  readonly next: MasterKey | null;
  /** Former keys, and keys that were set aside. What cannot be read among them is left out. */
  readonly kept: readonly KeptKey[];
}

const KEPT = /\.[0-9a-f]{16}\.(old|unused)$/;

/**
 * The key file and the keys beside it. A key is written whole and durable before its name is there, never over another
 * one, and never deleted but for a second file with the very same key:
 *
 * | file | holds |
 * |---|---|
 * | `sealing.key` | the key |
 * | `sealing.key.next` | the key that a change of the master key goes to |
 * | `sealing.key.<id>.old` | a former key, for backups that need it |
 * | `sealing.key.<id>.unused` | a key that was found as `.next` and that the database does not know |
 */
export class KeyFiles {
  constructor(readonly path: string) {}

  get nextPath(): string {
    return `${this.path}.next`;
  }

  /** @throws DomainError `key_damaged`, `key_unreadable` */
  async look(): Promise<FoundKeys> {
    return { current: await readKeyFile(this.path), next: await readKeyFile(this.nextPath), kept: await this.kept() };
  }

  /** Former keys, and those that were set aside. */
  async kept(): Promise<KeptKey[]> {
    const folder = dirname(this.path);
    const names = await readdir(folder).catch(() => []);
    const paths = names
      .filter((name) => name.startsWith(`${basename(this.path)}.`) && KEPT.test(name))
      .map((name) => join(folder, name));
    const found = await Promise.all(
      paths.map(async (path) => ({ path, key: await readKeyFile(path).catch(() => null) })),
    );
    return found.filter((one): one is KeptKey => one.key !== null);
  }

  /**
   * Makes a new key as `.next`, durable when it resolves.
   * @throws DomainError `key_unreadable`: nothing was written. `key_next_exists`: somebody else was faster
   */
  async makeNext(): Promise<MasterKey> {
    const bytes = newKeyBytes();
    const made = new MasterKey(bytes);
    const outcome = await guardAccess(this.nextPath, () => createFile(this.nextPath, keyFileContent(made.id, bytes)));
    bytes.fill(0);
    if (outcome === 'exists')
      throw new DomainError('key_next_exists', 'conflict', `${this.nextPath} was made by somebody else just now.`, {
        remedy: 'Let only one change of the master key run at a time.',
      });
    return made;
  }

  /** Takes what `.next` holds out of the way, without losing it. @returns where it is now */
  async setNextAside(next: MasterKey): Promise<string> {
    const path = `${this.path}.${next.id}.unused`;
    await guardAccess(path, () => moveFile(this.nextPath, path));
    return path;
  }

  /**
   * Makes `.next` the key file. The former key has its file beside it before that, and at every instant one of the two
   * is the key file.
   * @param former null when there is no key file
   * @returns where the former key is now
   */
  async installNext(former: MasterKey | null): Promise<string | null> {
    const path = former === null ? null : `${this.path}.${former.id}.old`;
    if (path !== null) await guardAccess(path, async () => createFile(path, await readKeyFileText(this.path)));
    await guardAccess(this.path, () => moveFile(this.nextPath, this.path));
    return path;
  }

  /** Removes `.next` where the key file holds the same key already. */
  async dropNext(): Promise<void> {
    await guardAccess(this.nextPath, () => unlink(this.nextPath));
  }
}
