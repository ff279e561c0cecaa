import { describe, expect, it } from '@jest/globals';
import { homePaths } from './home.js';

const linux = { platform: 'linux' as const, userFolder: '/home/ada' };

describe('the data folder', () => {
  it('follows the rules of each platform', () => {
    expect(homePaths({ ...linux, env: {} }).folder).toBe('/home/ada/.local/share/dsops');
    expect(homePaths({ ...linux, env: { XDG_DATA_HOME: '/data' } }).folder).toBe('/data/dsops');
    expect(homePaths({ platform: 'darwin', userFolder: '/Users/ada', env: {} }).folder).toBe(
      '/Users/ada/Library/Application Support/dsops',
    );
    const windows = { platform: 'win32' as const, userFolder: 'C:\\Users\\ada' };
    expect(homePaths({ ...windows, env: { LOCALAPPDATA: 'D:\\Local' } }).folder).toBe('D:\\Local\\dsops');
    expect(homePaths({ ...windows, env: {} }).folder).toBe('C:\\Users\\ada\\AppData\\Local\\dsops');
  });

  it('is where DSOPS_HOME says, on every platform', () => {
    expect(homePaths({ ...linux, env: { DSOPS_HOME: '/srv/dsops', XDG_DATA_HOME: '/data' } })).toEqual({
      folder: '/srv/dsops',
      instanceFile: '/srv/dsops/instance.json',
      adminKeyFile: '/srv/dsops/keys/admin.key',
    });
    expect(
      homePaths({ platform: 'win32', userFolder: 'C:\\Users\\ada', env: { DSOPS_HOME: 'E:\\dsops' } }).adminKeyFile,
    ).toBe('E:\\dsops\\keys\\admin.key');
  });

  it('ignores a relative XDG_DATA_HOME, as the specification asks', () =>
    expect(homePaths({ ...linux, env: { XDG_DATA_HOME: 'data' } }).folder).toBe('/home/ada/.local/share/dsops'));
});
