import { chmod, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DomainError, newId, Secret, unwrapSecret } from '@dsops/kernel';
import { readKey } from './api-key.js';
import type { KeyFileContent } from './admin-key.js';

const OWNER_ONLY = 0o600;
const LONGEST_KEY = 4096;
const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** The file from which the command line reads its key: one line, readable by its owner only. */
export class AdminKeyFile {
  constructor(readonly path: string) {}

  async read(): Promise<KeyFileContent> {
    try {
      if ((await stat(this.path)).size > LONGEST_KEY) return { kind: 'damaged' };
      const stated = readKey(new Secret((await readFile(this.path, 'utf8')).trim()));
      return stated === undefined ? { kind: 'damaged' } : { kind: 'key', stated };
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { kind: 'absent' };
      throw this.failure('cannot be read', error);
    }
  }

  /** Takes the rights from everybody else. Answers whether somebody else had them. Windows keeps rights elsewhere. */
  async closeToOthers(): Promise<boolean> {
    if (process.platform === 'win32' || ((await stat(this.path)).mode & 0o077) === 0) return false;
    await chmod(this.path, OWNER_ONLY);
    return true;
  }

  /** Gives the file another name, which is answered. Nothing in it is lost. */
  async moveAside(): Promise<string> {
    const aside = `${this.path}.set-aside-${newId()}`;
    try {
      await rename(this.path, aside);
      return aside;
    } catch (error) {
      throw this.failure('cannot be moved aside', error);
    }
  }

  /** Whole or not at all: written beside, made durable, then given its name. */
  async write(value: Secret): Promise<void> {
    const draft = `${this.path}.draft-${newId()}`;
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
      const file = await open(draft, 'wx', OWNER_ONLY);
      try {
        await file.writeFile(`${unwrapSecret(value)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, this.path);
      await syncFolder(dirname(this.path));
    } catch (error) {
      throw this.failure('cannot be written', error);
    }
  }

  private failure(what: string, cause: unknown): DomainError {
    return new DomainError(
      'admin_key_file',
      'unavailable',
      `The file with the admin key, ${this.path}, ${what} (${codeOf(cause) ?? 'unknown reason'}).`,
      { remedy: 'Check the rights of its folder and the space on its disk, then start again.' },
      { cause },
    );
  }
}

/** A name is durable when its folder is. Windows cannot open folders, and needs it not. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
