import { describe, expect, it } from '@jest/globals';
import { HELP, readConfig } from './config.js';

const env = { DSOPS_HOME: '/data/dsops' };

describe('the arguments of pnpm stack', () => {
  it('without a command ask for help', () => {
    expect(readConfig([], env).command).toBeUndefined();
    expect(readConfig(['up', '--help'], env).command).toBeUndefined();
    for (const command of ['up', 'down', 'status', 'logs', 'demo']) expect(HELP).toContain(`  ${command} `);
  });

  it('name a folder of its own below the installation, or the one that is given', () => {
    expect(readConfig(['up'], env)).toMatchObject({ home: '/data/dsops/stack', homeOption: '' });
    expect(readConfig(['up', '--home', '/tmp/other'], env)).toMatchObject({
      home: '/tmp/other',
      homeOption: ' --home /tmp/other',
    });
  });

  it('mean the stack that DSOPS_HOME names already, and none below it', () => {
    const isStack = (folder: string) => folder === '/data/dsops/stack';
    const inside = { DSOPS_HOME: '/data/dsops/stack' };
    expect(readConfig(['status'], inside, isStack)).toMatchObject({ home: '/data/dsops/stack', homeOption: '' });
    expect(readConfig(['status'], env, isStack).home).toBe('/data/dsops/stack');
  });

  it('take a folder from where the person is, not from where pnpm went', () => {
    expect(readConfig(['up', '--home', 'mine'], { ...env, INIT_CWD: '/home/eva' }).home).toBe('/home/eva/mine');
  });

  it('of logs may name a part', () => {
    expect(readConfig(['logs', 'kafka', '-f', '-n', '5'], env)).toMatchObject({
      part: 'kafka',
      follows: true,
      lines: 5,
    });
  });

  it.each([
    [['jump'], 'There is no command "jump".'],
    [['up', 'kafka'], '"kafka" is one word too many.'],
    [['logs', 'kafka', 'zipkin'], '"zipkin" is one word too many.'],
    [['up', '--port', '70000'], 'The port must be a number from 0 to 65535.'],
    [['logs', '--lines', '0'], '--lines takes a number from 1 to 10000.'],
    [['up', '--fast'], "Unknown option '--fast'."],
  ])('that are wrong are refused in one sentence: %j', (args, message) => {
    expect(() => readConfig(args, env)).toThrow(
      expect.objectContaining({ code: 'usage', message, details: { remedy: 'See: pnpm stack --help' } }),
    );
  });
});
