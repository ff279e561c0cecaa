import { describe, expect, it } from '@jest/globals';
import { roomyDisk } from './roomy-disk.js';

const MEGABYTE = 1024 ** 2;

describe('the disk of an installation', () => {
  const withFree = (data: number, home: number) =>
    roomyDisk(['/data', '/home'], async (folder) => (folder === '/data' ? data : home) * MEGABYTE).check();

  it('is well with room for data and keys', async () => {
    expect(await withFree(600, 900)).toBeNull();
  });

  it('is said to get full, by the fuller of the two', async () => {
    expect(await withFree(900, 200)).toMatchObject({
      code: 'disk_low',
      message: '200 MB are free on the disk of /home.',
    });
  });

  it('is no ground to stand on when next to nothing is free', async () => {
    await expect(withFree(10, 900)).rejects.toMatchObject({
      code: 'disk_full',
      details: { remedy: expect.stringContaining('Make room') },
    });
  });

  it('is measured where the folders are', async () => {
    await expect(roomyDisk([import.meta.dirname]).check()).resolves.toBeDefined();
    await expect(roomyDisk(['/there/is/no/such/folder']).check()).rejects.toThrow('ENOENT');
  });
});
