import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { lockHome } from './home-lock.js';
import { processIdentity } from './process-identity.js';

describe('the lock of a folder', () => {
  let folder: string;
  const home = () => ({ folder, instanceFile: join(folder, 'instance.json'), adminKeyFile: join(folder, 'admin.key') });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const withOther = async (use: (pid: number) => void) => {
    const other = spawn('sleep', ['600'], { stdio: 'ignore' });
    await once(other, 'spawn');
    try {
      use(other.pid!);
    } finally {
      other.kill('SIGKILL');
    }
  };

  it('holds while the process that took it lives', () =>
    withOther((pid) => {
      writeFileSync(join(folder, 'lock'), `${pid}\n${processIdentity(pid) ?? ''}\n`);
      expect(() => lockHome(home())).toThrow(expect.objectContaining({ code: 'home_locked' }));
    }));

  it('holds when nobody can tell whether the process is still the same', () =>
    withOther((pid) => {
      writeFileSync(join(folder, 'lock'), `${pid}\n`);
      expect(() => lockHome(home())).toThrow(expect.objectContaining({ code: 'home_locked' }));
    }));

  (process.platform === 'linux' ? it : it.skip)('is free when another program has the number now', () =>
    withOther((pid) => {
      writeFileSync(join(folder, 'lock'), `${pid}\na boot of the past/4711\n`);
      const lock = lockHome(home());
      expect(readFileSync(join(folder, 'lock'), 'utf8')).toBe(`${process.pid}\n${processIdentity(process.pid)}\n`);
      lock.release();
    }),
  );
});
