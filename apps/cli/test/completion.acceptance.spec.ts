import { describe, expect, it } from '@jest/globals';
import { Desk } from './command-line.js';
import { world } from './world.js';

describe('completion', () => {
  const w = world();

  it.each([
    [['rot'], ['rotation']],
    [
      ['rotation', 'r'],
      ['resume', 'rollback', 'rotate'],
    ],
    [['rotation', 'status', '--f'], ['--format']],
    [
      ['rotation', 'status', '--format', ''],
      ['json', 'table', 'yaml'],
    ],
    [['--url', 'http://x', 'rotation', 'w'], ['watch']],
    [['completion', 'b'], ['bash']],
    [['rotation', 'rotate', 'pay'], ['payments-db']],
    [['rotation', 'rotate', '--service', ''], ['payments-db']],
    [['rotation', 'rotate', '--env', 'p'], ['production']],
    [['rotation', 'rotate', '--reason', ''], []],
    [['secret', 'get', ''], ['payments-db']],
    [['secret', '--password', ''], []],
  ])('of %j is %j', async (words, candidates) => {
    const { stdout } = await w.desk.run(['__complete', '--', ...words]);
    expect(stdout.split('\n').filter(Boolean)).toEqual(candidates);
  });

  it('is silent when there is no server to ask', async () => {
    const lonely = await Desk.beside(undefined);
    expect(await lonely.run(['__complete', '--', 'rotation', 'rotate', ''])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    await lonely.clear();
  });

  it.each(['bash', 'zsh', 'fish', 'powershell'])('has a script for %s', async (shell) => {
    const { code, stdout } = await w.desk.run(`completion ${shell}`);
    expect(code).toBe(0);
    expect(stdout).toContain('dsops __complete --');
  });
});

describe('help', () => {
  const w = world();

  it('is there for every command, with its options worded', async () => {
    const pending = [[]] as string[][];
    let count = 0;
    for (let words = pending.pop(); words; words = pending.pop()) {
      const { code, stdout } = await w.desk.run([...words, '--help']);
      expect([words, code]).toEqual([words, 0]);
      const commands = /\nCommands:\n([\s\S]*?)(\n\n|$)/.exec(stdout)?.[1] ?? '';
      for (const [, name] of commands.matchAll(/^ {2}([a-z-]+)/gm))
        if (name !== 'help') pending.push([...words, name!]);
      count++;
    }
    expect(count).toBeGreaterThan(35);
  });

  it('is what half a command shows: exit code 2', async () => {
    const { code, stdout, stderr } = await w.desk.run('rotation');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: dsops rotation/);
  });

  it('tells the version', async () => expect((await w.desk.run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/));
});
