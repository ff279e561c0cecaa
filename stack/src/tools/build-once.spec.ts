import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@dsops/testing';
import { buildOnce } from './build-once.js';

/** The id of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['-e', '']).pid;

describe('a tool that is built once', () => {
  let home: string;
  let folder: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'dsops-tools-'));
    folder = join(home, 'tool-1.0');
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const build = (text: string) => async (empty: string) => writeFile(join(empty, 'program'), text);

  it('stands in its place when it is whole, and nothing stands beside it', async () => {
    await buildOnce({
      folder,
      build: async (empty) => {
        expect(existsSync(folder)).toBe(false);
        await build('whole')(empty);
      },
    });
    expect(readFileSync(join(folder, 'program'), 'utf8')).toBe('whole');
    expect(readdirSync(home)).toEqual(['tool-1.0']);
  });

  it('is not built again', async () => {
    await buildOnce({ folder, build: build('first') });
    await buildOnce({ folder, build: build('second') });
    expect(readFileSync(join(folder, 'program'), 'utf8')).toBe('first');
  });

  it('leaves nothing behind when building fails, and can be built after that', async () => {
    const failing = buildOnce({
      folder,
      build: async (empty) => {
        await build('half')(empty);
        throw new Error('the compiler gave up');
      },
    });
    await expect(failing).rejects.toThrow('the compiler gave up');
    expect(readdirSync(home)).toEqual([]);
    await buildOnce({ folder, build: build('whole') });
    expect(readFileSync(join(folder, 'program'), 'utf8')).toBe('whole');
  });

  it('is waited for while another process builds it', async () => {
    // The process that runs the tests is alive, so its lock counts.
    writeFileSync(`${folder}.lock`, `${process.pid}\n`);
    const waitedFor: number[] = [];
    let isDone = false;
    const waiting = buildOnce({ folder, build: build('ours'), onWait: (pid) => waitedFor.push(pid) }).then(
      () => (isDone = true),
    );
    await eventually(() => expect(waitedFor).toContain(process.pid));
    expect(isDone).toBe(false);
    mkdirSync(folder);
    writeFileSync(join(folder, 'program'), 'theirs');
    await waiting;
    expect(readFileSync(join(folder, 'program'), 'utf8')).toBe('theirs');
  });

  it('is taken over from a process that died while it built, and its leftovers are cleared away', async () => {
    const pid = deadPid();
    writeFileSync(`${folder}.lock`, `${pid}\n`);
    mkdirSync(`${folder}.${pid}.partial`);
    await buildOnce({ folder, build: build('whole') });
    expect(readFileSync(join(folder, 'program'), 'utf8')).toBe('whole');
    expect(readdirSync(home)).toEqual(['tool-1.0']);
  });

  it('says so when its folder cannot be written', async () => {
    writeFileSync(join(home, 'file'), '');
    await expect(buildOnce({ folder: join(home, 'file', 'tool'), build: build('') })).rejects.toMatchObject({
      code: 'tools_folder_unusable',
      details: { remedy: expect.stringContaining('DSOPS_TOOLS_HOME') },
    });
  });
});
