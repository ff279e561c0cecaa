import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@dsops/testing';
import { showLogs } from './logs.js';

describe('the logs of a stack', () => {
  let folder: string;
  let written: string[];
  const write = (text: string) => void written.push(text);
  const log = (name: string) => join(folder, 'logs', `${name}.log`);
  beforeEach(() => {
    written = [];
    folder = mkdtempSync(join(tmpdir(), 'dsops-logs-'));
    mkdirSync(join(folder, 'logs'));
    writeFileSync(log('kafka'), 'one\ntwo\nthree\n');
    writeFileSync(log('audit'), 'four\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are shown with the name of each part', async () => {
    await showLogs({ folder, part: undefined, lines: 2, follows: false, write });
    expect(written).toEqual(['audit │ four\n', 'kafka │ two\n', 'kafka │ three\n']);
  });

  it('of one part are shown as they are', async () => {
    await showLogs({ folder, part: 'kafka', lines: 10, follows: false, write });
    expect(written).toEqual(['one\n', 'two\n', 'three\n']);
  });

  it('of a part that there is not are refused with those that there are', async () => {
    await expect(showLogs({ folder, part: 'redis', lines: 1, follows: false, write })).rejects.toMatchObject({
      message: 'There is no log of "redis".',
      details: { remedy: 'There are: audit, kafka.' },
    });
    await expect(
      showLogs({ folder: join(folder, 'other'), part: undefined, lines: 1, follows: false, write }),
    ).rejects.toMatchObject({ code: 'no_logs' });
  });

  it('are followed in whole lines, also when a file begins anew', async () => {
    const ending = new AbortController();
    const following = showLogs({ folder, part: 'kafka', lines: 1, follows: true, write, signal: ending.signal });
    await eventually(() => expect(written).toEqual(['three\n']));
    appendFileSync(log('kafka'), 'fo');
    appendFileSync(log('kafka'), 'ur\nfive\n');
    await eventually(() => expect(written).toEqual(['three\n', 'four\n', 'five\n']));
    writeFileSync(log('kafka'), 'anew\n');
    await eventually(() => expect(written.at(-1)).toBe('anew\n'));
    ending.abort();
    await following;
  });
});
