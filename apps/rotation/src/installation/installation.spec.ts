import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { whyRestored, type FoundMark } from './installation.js';

const ours = 'installation-a';
const mark = (highWater: bigint, installationId = ours): FoundMark => ({
  installationId,
  highWater,
  isElsewhere: false,
});
const database = (highWater: bigint, hasServices = highWater > 0n) => ({ id: ours, highWater, hasServices });

describe('a database', () => {
  it('is new when it never did anything and there is no mark, or a mark that counted nothing', () => {
    expect(whyRestored(null, database(0n))).toBeNull();
    expect(whyRestored(mark(0n, 'another'), database(0n))).toBeNull();
  });

  it('is in order when it is where the mark is, or ahead of it', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 1000n), fc.bigInt(0n, 1000n), (at, ahead) => {
        expect(whyRestored(mark(at), database(at + ahead))).toBeNull();
      }),
    );
  });

  it('comes from a copy when it is behind the mark, however little, even when it is empty', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 1000n), fc.bigInt(1n, 1000n), (at, behind) => {
        expect(whyRestored(mark(at + behind), database(at))).toContain('older than the last change');
      }),
    );
  });

  it('comes from a copy when it is not empty and has no mark, or one that cannot be read', () => {
    expect(whyRestored(null, database(1n))).toContain('missing');
    expect(whyRestored(null, database(0n, true))).toContain('missing');
    expect(whyRestored('damaged', database(3n))).toContain('cannot be read');
  });

  it('comes from elsewhere when the mark names another installation', () => {
    expect(whyRestored(mark(2n, 'another'), database(5n))).toContain('another database');
    expect(whyRestored(mark(2n, 'another'), database(0n))).toContain('another database');
  });

  it('may have a twin when its mark was written in another folder', () => {
    expect(whyRestored({ ...mark(5n), isElsewhere: true }, database(5n))).toContain('moved or copied');
    expect(whyRestored({ ...mark(0n), isElsewhere: true }, database(0n))).toBeNull();
  });
});
