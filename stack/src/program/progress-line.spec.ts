import { describe, expect, it } from '@jest/globals';
import type { ToolProgress } from '../tools/progress.js';
import { describeProgress, ProgressLine } from './progress-line.js';

const building: ToolProgress = {
  tool: 'dapr',
  step: 'building daprd, about five minutes the first time',
  elapsedMs: 130_000,
  fraction: 0.4,
  remainingMs: 180_400,
};

/** What goes to a terminal, or to a file. */
const screen = (isTTY: boolean) => {
  const written: string[] = [];
  const write = (text: string) => written.push(text) > 0;
  return { written, out: { isTTY, columns: 120, write } as unknown as NodeJS.WriteStream };
};

describe('long work', () => {
  it('says what it does, for how long, and how long it may take', () => {
    expect(describeProgress(building)).toBe(
      'building daprd, about five minutes the first time · 2m 10s · 3m 1s left at most',
    );
    expect(describeProgress({ ...building, fraction: null, remainingMs: null })).toMatch(/ · 2m 10s$/);
  });

  it('has one line on a terminal, which makes room when it is over', () => {
    const { written, out } = screen(true);
    const line = new ProgressLine(out);
    line.show(building);
    line.show({ ...building, elapsedMs: 131_000 });
    line.clear();
    expect(written).toHaveLength(3);
    expect(written.every((text) => text.startsWith('\r') && !text.includes('\n'))).toBe(true);
  });

  it('has a line for each step in a file, not one a second', () => {
    const { written, out } = screen(false);
    const line = new ProgressLine(out);
    for (let second = 1; second < 20; second++) line.show({ ...building, elapsedMs: second * 1000 });
    line.show({ ...building, step: 'building sentry' });
    expect(written).toHaveLength(2);
  });

  it('that is over at once is not worth a line', () => {
    const { written, out } = screen(false);
    new ProgressLine(out).show({ ...building, elapsedMs: 200 });
    expect(written).toEqual([]);
  });
});
