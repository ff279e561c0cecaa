import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MarkFile } from './mark-file.js';

const mark = { installationId: 'a', highWater: 7n };

describe('a mark that belongs to its folder', () => {
  let root: string;
  const at = (folder: string) => new MarkFile(join(root, folder, 'mark.json'), true);
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'dsops-mark-'));
    await mkdir(join(root, 'home'));
    await at('home').write(mark);
  });
  afterEach(() => rm(root, { recursive: true }));

  it('is at home where it was written, however often', async () => {
    await at('home').write({ ...mark, highWater: 8n });
    expect(await at('home').read()).toEqual({ ...mark, highWater: 8n, isElsewhere: false });
  });

  it('is elsewhere in a copy of the folder, until it is written there', async () => {
    await cp(join(root, 'home'), join(root, 'copy'), { recursive: true });
    expect(await at('copy').read()).toEqual({ ...mark, isElsewhere: true });
    await at('copy').write(mark);
    expect(await at('copy').read()).toEqual({ ...mark, isElsewhere: false });
    expect(await at('home').read()).toEqual({ ...mark, isElsewhere: false });
  });

  it('is elsewhere where a copy took the place of the folder', async () => {
    await cp(join(root, 'home'), join(root, 'copy'), { recursive: true });
    await rename(join(root, 'home'), join(root, 'away'));
    await rename(join(root, 'copy'), join(root, 'home'));
    expect(await at('home').read()).toMatchObject({ isElsewhere: true });
  });

  it('says nothing of its place where it is not bound, and to whom it is not', async () => {
    const unbound = new MarkFile(join(root, 'home', 'mark.json'));
    expect(await unbound.read()).toMatchObject({ isElsewhere: false });
    await unbound.write(mark);
    expect(await at('home').read()).toMatchObject({ isElsewhere: false });
  });
});
