import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { verifyJars } from './maven.js';

describe('jars that were fetched', () => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const expected = { 'one.jar': sha256('one'), 'two.jar': sha256('two') };
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-jars-'));
    writeFileSync(join(folder, 'one.jar'), 'one');
    writeFileSync(join(folder, 'two.jar'), 'two');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are taken when each is what it was when it was reviewed', async () => {
    await expect(verifyJars(folder, expected)).resolves.toBeUndefined();
  });

  it.each([
    ['changed', (): void => writeFileSync(join(folder, 'two.jar'), 'another'), 'two.jar is not the file'],
    ['missing', (): void => rmSync(join(folder, 'one.jar')), 'one.jar is missing'],
    ['one too many', (): void => writeFileSync(join(folder, 'three.jar'), ''), 'three.jar is not expected'],
  ])('are refused when one is %s', async (_, spoil, message) => {
    spoil();
    await expect(verifyJars(folder, expected)).rejects.toMatchObject({
      code: 'checksum_mismatch',
      message: expect.stringContaining(message),
    });
  });
});
