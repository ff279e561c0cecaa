import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, logIsAt, logPlace } from './logging.js';
import { LogFile } from './log-file.js';
import { problemOf } from './problem.js';
import { inContext } from './context.js';

describe('the log file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-log-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const path = () => join(folder, 'logs', 'dsops.log');

  it("goes on where the former process stopped, and is its owner's alone", () => {
    for (const line of ['one\n', 'two\n']) {
      const log = new LogFile(path());
      log.write(line);
      log.close();
    }
    expect(readFileSync(path(), 'utf8')).toBe('one\ntwo\n');
    if (process.platform !== 'win32') expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('never takes more room than its bound, and keeps the latest', () => {
    const log = new LogFile(path(), { maxBytes: 100, kept: 2 });
    for (let nth = 0; nth < 200; nth++) log.write(`line ${String(nth).padStart(3, '0')}\n`);
    log.close();
    const files = readdirSync(join(folder, 'logs')).sort();
    expect(files).toEqual(['dsops.log', 'dsops.log.1', 'dsops.log.2']);
    for (const file of files) expect(statSync(join(folder, 'logs', file)).size).toBeLessThanOrEqual(100);
    expect(readFileSync(path(), 'utf8')).toContain('line 199');
    expect(readFileSync(`${path()}.1`, 'utf8')).not.toContain('line 199');
  });

  it('stops nothing when it cannot be written', () => {
    writeFileSync(join(folder, 'logs'), 'no folder');
    chmodSync(folder, 0o700);
    const log = new LogFile(path());
    expect(() => log.write('lost\n')).not.toThrow();
  });

  it('masks secrets as the log always does', () => {
    const log = new LogFile(path());
    createLogger({ service: 'rotation', destination: log }).info(
      { password: 'canary', deep: { token: 'canary' } },
      'x',
    );
    log.close();
    expect(readFileSync(path(), 'utf8')).toContain('[secret]');
    expect(readFileSync(path(), 'utf8')).not.toContain('canary');
  });

  it('is named to whoever meets an error that is told nowhere else, with the id to look for', () => {
    const former = logPlace();
    logIsAt(path());
    const { remedy } = inContext({ requestId: 'R4711', traceparent: '00-0-0-00' }, () =>
      problemOf(new Error('canary')),
    );
    logIsAt(former);
    expect(remedy).toBe(`Look for the request id R4711 in the log: ${path()}.`);
  });
});
