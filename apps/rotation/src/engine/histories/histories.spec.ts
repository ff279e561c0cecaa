import { describe, expect, it } from '@jest/globals';
import { describeBreach, runHistories } from './run.js';

const runs = Number(process.env['DSOPS_HISTORIES_RUNS'] ?? 2_000);
const seed = process.env['DSOPS_HISTORIES_SEED'];
const path = process.env['DSOPS_HISTORIES_PATH'];

describe('seeded histories', () => {
  it(
    `keep I1 to I9 through ${runs} histories of faults, and every rotation comes to its end`,
    () => {
      const result = runHistories({ runs, ...(seed && { seed: Number(seed) }), ...(path && { path }) });
      expect(result.breach && describeBreach(result)).toBeNull();
    },
    60_000 + runs * 60,
  );
});
