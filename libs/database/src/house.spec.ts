import { describe, expect, it } from '@jest/globals';
import { judgeDurability, type DurabilitySettings } from './house.js';

const sound: DurabilitySettings = { fsync: 'on', fullPageWrites: 'on', synchronousCommit: 'on', isStandby: false };

describe('a database', () => {
  it('is sound as PostgreSQL comes, and when commits wait for a standby', () => {
    expect(judgeDurability(sound)).toBeNull();
    expect(judgeDurability({ ...sound, synchronousCommit: 'remote_apply' })).toBeNull();
  });

  it.each([
    ['does not wait for its disk', { fsync: 'off' }, 'error', 'database_not_durable'],
    ['has sessions whose commits may be lost', { synchronousCommit: 'local' }, 'error', 'commit_not_durable'],
    ['takes no writes', { isStandby: true }, 'error', 'database_standby'],
    ['may tear its pages', { fullPageWrites: 'off' }, 'warning', 'pages_may_tear'],
  ] as const)('that %s is found, with what to do', (_, over, level, code) => {
    expect(judgeDurability({ ...sound, ...over })).toMatchObject({ level, code, remedy: expect.stringMatching(/./) });
  });

  it('is said to have the worst of its faults', () => {
    expect(judgeDurability({ ...sound, fullPageWrites: 'off', fsync: 'off' })).toMatchObject({ level: 'error' });
  });
});
