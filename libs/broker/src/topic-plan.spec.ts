import { describe, expect, it } from '@jest/globals';
import { planTopics } from './topic-plan.js';

const topic = (name: string, partitions = 12, retentionMs = 7) => ({ name, partitions, retentionMs });

describe('what has to happen to topics', () => {
  it('is nothing where they are as they are to be, whatever else is there', () => {
    expect(planTopics([topic('a')], [topic('a'), topic('of-somebody-else', 3)])).toEqual([
      { name: 'a', change: 'none' },
    ]);
  });

  it('is to make what is missing, and to keep records as long as is wanted', () => {
    expect(planTopics([topic('a'), topic('b', 12, 30)], [topic('b')])).toEqual([
      { name: 'a', change: 'make', partitions: 12, retentionMs: 7 },
      { name: 'b', change: 'retention', fromMs: 7, toMs: 30 },
    ]);
  });

  it.each([3, 24])('is a conflict where one has %d partitions, because keys would move', (partitions) => {
    expect(planTopics([topic('a')], [topic('a', partitions, 30)])).toEqual([
      { name: 'a', change: 'conflict', found: partitions, wanted: 12 },
    ]);
  });
});
