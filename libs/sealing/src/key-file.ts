import { chmod, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { DomainError } from '@dsops/kernel';
import { createFile } from './durable-file.js';
import { KEY_BYTES, newKeyBytes, MasterKey } from './master-key.js';

const FORMAT = 'dsops key file';
const NOTE = 'Whoever has this file and a copy of the database can read every secret. Without it nobody can.';

const contentSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1),
  note: z.string(),
  id: z.string(),
  key: z.base64url(),
});

export interface KeyFileOptions {
  readonly path: string;
  /**
   * Does the database exist already? Then its key must be there: a new key over an old database would make everything
   * that is sealed in it unreadable for good.
   */
  readonly database: 'new' | 'existing';
}

/**
 * The key that seals this installation's secrets, from its file; made on the very first start. The file lies apart from
 * the data, so that neither a copy of the one nor of the other is enough.
 * @throws DomainError `key_missing`, `key_damaged`, `key_unreadable`: nothing was written.
 */
export async function openKeyFile({ path, database }: KeyFileOptions): Promise<MasterKey> {
  const present = await readKeyFile(path);
  if (present !== null) return present;
  if (database === 'existing')
    throw new DomainError('key_missing', 'refused', `The key file ${path} is missing, and the database needs it.`, {
      remedy: `Put the backup of the key file back at ${path} and start again. Nothing was changed.`,
    });
  const bytes = newKeyBytes();
  const content = keyFileContent(new MasterKey(bytes).id, bytes);
  bytes.fill(0);
  await guardAccess(path, () => createFile(path, content));
  // Read back: what counts is what the file holds, also when another process was faster.
  return (await readKeyFile(path)) ?? damaged(path);
}

/** The text of a key file. It holds the key. */
export function keyFileContent(id: string, bytes: Buffer): string {
  const content = { format: FORMAT, version: 1, note: NOTE, id, key: bytes.toString('base64url') };
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** As it is, for a copy. */
export const readKeyFileText = (path: string): Promise<string> => readFile(path, 'utf8');

/** @returns null when there is none. @throws DomainError `key_damaged`, `key_unreadable` */
export async function readKeyFile(path: string): Promise<MasterKey | null> {
  const text = await guardAccess(path, async () => {
    try {
      return await readKeyFileText(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  });
  if (text === null) return null;
  const content = contentSchema.safeParse(parseJson(text));
  if (!content.success) return damaged(path);
  const bytes = Buffer.from(content.data.key, 'base64url');
  if (bytes.length !== KEY_BYTES) return damaged(path);
  const key = new MasterKey(bytes);
  bytes.fill(0);
  // The id is computed from the key: a single flipped bit is found here, before anything is sealed with the wrong key.
  if (key.id !== content.data.id) return damaged(path);
  // A backup that was copied back often lost its mode.
  if (process.platform !== 'win32') await guardAccess(path, () => chmod(path, 0o600));
  return key;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function damaged(path: string): never {
  throw new DomainError('key_damaged', 'refused', `The key file ${path} is damaged.`, {
    remedy: `Put the backup of the key file back at ${path} and start again. Nothing was changed.`,
  });
}

/** @throws DomainError `key_unreadable` with the path, in place of what the file system says */
export async function guardAccess<T>(path: string, access: () => Promise<T>): Promise<T> {
  try {
    return await access();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new DomainError('key_unreadable', 'unavailable', `The key file ${path} cannot be used (${code}).`, {
      remedy:
        code === 'ENOSPC'
          ? 'Make room on the disk, then start again. Nothing was changed.'
          : 'Let the account that runs dsops read and write this file and its folder, then start again.',
    });
  }
}
