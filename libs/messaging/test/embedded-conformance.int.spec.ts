import { describe, it } from '@jest/globals';
import { transportConformance } from '../src/conformance/transport-conformance.js';
import { openHarness } from './harness.js';

describe('the embedded transport', () => {
  for (const { name, run } of transportConformance) it(name, () => run(openHarness), 30_000);
});
