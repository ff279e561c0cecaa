import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFile, replaceFile } from './durable-file.js';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'dsops-file-'))));
afterEach(() => rm(folder, { recursive: true }));

describe('a durable file', () => {
  it('is never made over one that is there', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'first');
    expect(await createFile(path, 'second')).toBe('exists');
    expect(await readFile(path, 'utf8')).toBe('first');
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('is replaced whole, and nothing is left beside it', async () => {
    const path = join(folder, 'deep', 'file');
    for (const content of ['one', 'two']) {
      await replaceFile(path, content);
      expect(await readFile(path, 'utf8')).toBe(content);
    }
    expect(await readdir(join(folder, 'deep'))).toEqual(['file']);
  });

  it('leaves nothing beside it when it could not be replaced', async () => {
    const path = join(folder, 'a-folder');
    await mkdir(join(path, 'inside'), { recursive: true });
    await expect(replaceFile(path, 'content')).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['a-folder']);
  });
});
