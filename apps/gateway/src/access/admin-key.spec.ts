import { describe, expect, it } from '@jest/globals';
import { decideAdminKey, type KnownKeys } from './admin-key.js';

const nothing: KnownKeys = { fileKey: 'none', startKeyId: undefined, hasOtherAdmin: false };

describe('the admin key of a start', () => {
  it('is made on the first one', () =>
    expect(decideAdminKey('absent', nothing)).toEqual({ kind: 'make', movesFileAside: false, revokes: undefined }));

  it('is kept as long as its file works', () =>
    expect(decideAdminKey('key', { ...nothing, fileKey: 'usable', startKeyId: '1' })).toEqual({ kind: 'keep' }));

  it('is replaced, and the lost one revoked, when its file is gone', () =>
    expect(decideAdminKey('absent', { ...nothing, startKeyId: '1' })).toEqual({
      kind: 'make',
      movesFileAside: false,
      revokes: '1',
    }));

  it.each(['damaged', 'key'] as const)('is made anew beside a %s of another database, which is moved aside', (file) =>
    expect(decideAdminKey(file, { ...nothing, fileKey: 'foreign' })).toEqual({
      kind: 'make',
      movesFileAside: true,
      revokes: undefined,
    }),
  );

  it('stays revoked when an admin revoked it and has another', () => {
    expect(decideAdminKey('key', { ...nothing, fileKey: 'revoked', hasOtherAdmin: true })).toEqual({ kind: 'respect' });
    expect(decideAdminKey('absent', { ...nothing, hasOtherAdmin: true })).toEqual({ kind: 'respect' });
  });

  it('comes back when nobody could administer dsops otherwise', () =>
    expect(decideAdminKey('key', { ...nothing, fileKey: 'revoked' })).toEqual({
      kind: 'make',
      movesFileAside: true,
      revokes: undefined,
    }));
});
