import { describe, expect, it } from '@jest/globals';
import { mustRun, runCommand } from './run-command.js';

/** A compiler of one line of JavaScript. */
const run = (program: string) => mustRun('Building it', process.execPath, ['-e', program]);

describe('a step that a tool is made by', () => {
  it('tells each line of what it does', async () => {
    const lines: string[] = [];
    const program = `process.stderr.write('one\\ntw'); setTimeout(() => process.stderr.write('o\\n'), 50)`;
    await mustRun('Building it', process.execPath, ['-e', program], { onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['one', 'two']);
  });

  it('that fails is named, with the line that says why, and how to do it by hand', async () => {
    const program = `console.error('compiling'); console.error('main.go:1: error: undefined: x'); process.exit(1)`;
    await expect(run(program)).rejects.toMatchObject({
      code: 'tool_step_failed',
      message: 'Building it did not work: main.go:1: error: undefined: x',
      details: { remedy: expect.stringContaining('The same by hand: '), lastLines: expect.any(Array) },
    });
  });

  it('that finds the disk full says so', async () => {
    const program = `console.error('write /tmp/x: no space left on device'); process.exit(1)`;
    await expect(run(program)).rejects.toMatchObject({ code: 'disk_full' });
  });

  it('that a proxy of Go modules refuses names the module', async () => {
    const line = 'x.go:1:2: example.com/cron@v0.12.5: reading https://proxy.example/cron/@v/v0.12.5.zip: 403 Forbidden';
    await expect(run(`console.error(${JSON.stringify(line)}); process.exit(1)`)).rejects.toMatchObject({
      code: 'tool_module_refused',
      message: expect.stringContaining('does not deliver example.com/cron@v0.12.5 (HTTP 403)'),
    });
  });

  it('can be given up', async () => {
    const ending = new AbortController();
    const running = runCommand(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { signal: ending.signal });
    ending.abort();
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('has no result when there is no such program', async () => {
    expect(await runCommand('no-such-program-anywhere', [])).toBeUndefined();
  });
});
