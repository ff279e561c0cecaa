import { describe, expect, it } from '@jest/globals';
import { toolsFolder } from './config.js';

describe('the folder of the tools', () => {
  it.each([
    ['linux', {}, '/home/eva/.cache/dsops/tools'],
    ['linux', { XDG_CACHE_HOME: '/cache' }, '/cache/dsops/tools'],
    ['linux', { XDG_CACHE_HOME: 'relative' }, '/home/eva/.cache/dsops/tools'],
    ['darwin', {}, '/home/eva/Library/Caches/dsops/tools'],
    ['linux', { DSOPS_TOOLS_HOME: '/tools' }, '/tools'],
  ] as const)('on %s with %j is %s', (platform, env, folder) => {
    expect(toolsFolder({ platform, env, userFolder: '/home/eva' })).toBe(folder);
  });

  it('on Windows lies where programs keep what they can fetch again', () => {
    const env = { LOCALAPPDATA: 'C:\\Users\\eva\\AppData\\Local' };
    expect(toolsFolder({ platform: 'win32', env, userFolder: 'C:\\Users\\eva' })).toBe(
      'C:\\Users\\eva\\AppData\\Local\\Cache\\dsops\\tools',
    );
  });
});
