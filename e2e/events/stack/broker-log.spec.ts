import { describe, expect, it } from '@jest/globals';
import { judgeLog } from './broker-log.js';

const record = (partition: number, key: string, sequence: number) => ({ partition, key, sequence });
const SOUND = { records: 3, copies: 0, scattered: [], disordered: [] };

describe('what the broker holds', () => {
  it('is sound where each key has one partition', () => {
    expect(judgeLog([record(1, 'a', 1), record(2, 'b', 1), record(1, 'a', 2)])).toEqual(SOUND);
  });

  it('may hold an event twice, and even behind a later one', () => {
    const read = [record(1, 'a', 1), record(1, 'a', 2), record(1, 'a', 1)];
    expect(judgeLog(read)).toEqual({ ...SOUND, copies: 1 });
  });

  it('shows a key in two partitions', () => {
    expect(judgeLog([record(1, 'a', 1), record(1, 'b', 1), record(2, 'a', 2)])).toEqual({ ...SOUND, scattered: ['a'] });
  });

  it('shows an event whose first record stands behind a later one', () => {
    const read = [record(1, 'a', 1), record(1, 'a', 3), record(1, 'a', 2)];
    expect(judgeLog(read)).toEqual({ ...SOUND, disordered: ['a 2 behind 3'] });
  });
});
