import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What file systems without hard links answer, such as exFAT. */
const WITHOUT_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Replaces a file so that, whatever happens and whenever, the old or the new content is there, whole: a file beside it,
 * fsync, rename, fsync of the folder. Only the owner may read it (0600); its folder is made when there is none (0700).
 */
export async function replaceFile(path: string, content: string): Promise<void> {
  const written = await writeBeside(path, content);
  try {
    await rename(written, path);
  } catch (error) {
    await unlink(written).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** As {@link replaceFile}, but never over a file that is there. Of two that try at once, one is told `exists`. */
export async function createFile(path: string, content: string): Promise<'created' | 'exists'> {
  const written = await writeBeside(path, content);
  try {
    // A rename would replace what another process has made in the meantime; a link does not.
    await link(written, path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST') return 'exists';
    if (!WITHOUT_LINKS.has(code)) throw error;
    await rename(written, path);
  } finally {
    await unlink(written).catch(() => undefined);
  }
  await syncFolder(dirname(path));
  return 'created';
}

/** Gives a file another name in its folder, over whatever had that name. Durable when it resolves. */
export async function moveFile(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

async function writeBeside(path: string, content: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const beside = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(beside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await unlink(beside).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
  return beside;
}

/** Makes the name durable, not only the content. Windows opens no folders, and its rename is journalled. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
