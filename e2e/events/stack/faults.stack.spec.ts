import { afterAll, describe, expect, it } from '@jest/globals';
import { Course } from './course.js';
import { problemsIn } from './report.js';
import type { CoursePlan } from './steps.js';
import { VICTIM_NAMES } from './victims.js';
import { StackWorld } from './world.js';

/** A fixed slice of `pnpm test:events --stack`: each victim once. Nothing helps the transport: the sweep does not run. */
const PLAN: CoursePlan = {
  commands: 3_000,
  keys: 200,
  victims: VICTIM_NAMES,
  killsEach: 1,
  replicas: [1, 3],
  patienceMs: 120_000,
};

describe('events on Dapr and Kafka under faults', () => {
  let world: StackWorld | undefined;
  afterAll(() => world?.stop(), 60_000);

  it('are neither lost nor doubled, and keep the order of their keys', async () => {
    world = await StackWorld.start({ hasSweep: false });
    const result = await new Course(world, PLAN, (line) => void process.stderr.write(`  ${line}\n`)).run();
    expect(problemsIn(result, PLAN)).toEqual([]);
  }, 600_000);
});
