import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKeyFile } from './key-file.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dsops-key-'));
  path = join(folder, 'keys', 'sealing.key');
});
afterEach(() => rm(folder, { recursive: true }));

const contentOf = async () => JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;

describe('the key file', () => {
  it('is made once, for its owner only, and opened from then on', async () => {
    const made = await openKeyFile({ path, database: 'new' });
    const again = await openKeyFile({ path, database: 'existing' });
    expect(again.id).toBe(made.id);
    expect((await contentOf()).id).toBe(made.id);
    if (process.platform !== 'win32') {
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await stat(join(folder, 'keys'))).mode & 0o777).toBe(0o700);
    }
    expect(await readdir(join(folder, 'keys'))).toEqual(['sealing.key']);
  });

  it('is one and the same for all who start at once', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => openKeyFile({ path, database: 'new' })));
    expect(new Set(keys.map((key) => key.id)).size).toBe(1);
    expect(await readdir(join(folder, 'keys'))).toEqual(['sealing.key']);
  });

  it('is never made anew for a database that exists', async () => {
    await expect(openKeyFile({ path, database: 'existing' })).rejects.toMatchObject({
      code: 'key_missing',
      details: { remedy: expect.stringContaining(`Put the backup of the key file back at ${path}`) },
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it.each<[string, (content: Record<string, unknown>) => string]>([
    ['empty', () => ''],
    ['cut off', (content) => JSON.stringify(content).slice(0, -9)],
    ['of another format', (content) => JSON.stringify({ ...content, format: 'another' })],
    ['of a later version', (content) => JSON.stringify({ ...content, version: 2 })],
    ['with a short key', (content) => JSON.stringify({ ...content, key: 'AAAA' })],
    ['with a key that is not the one it names', (content) => JSON.stringify({ ...content, key: 'A'.repeat(43) })],
  ])('is refused when it is %s, and left as it is', async (_, damage) => {
    await openKeyFile({ path, database: 'new' });
    const content = await contentOf();
    const text = damage(content);
    await writeFile(path, text);
    for (const database of ['new', 'existing'] as const) {
      const refused = await openKeyFile({ path, database }).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'key_damaged', message: expect.stringContaining(path) });
      expect(JSON.stringify(refused) + String((refused as Error).stack)).not.toContain(content.key);
    }
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('is closed to others again after a backup was copied back with another mode', async () => {
    await openKeyFile({ path, database: 'new' });
    await chmod(path, 0o644);
    await openKeyFile({ path, database: 'existing' });
    if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('says which file it could not use, and why', async () => {
    await writeFile(join(folder, 'keys'), 'a file where the folder should be');
    await expect(openKeyFile({ path, database: 'new' })).rejects.toMatchObject({
      code: 'key_unreadable',
      message: expect.stringContaining(path),
    });
  });
});
