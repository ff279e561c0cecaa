import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase, eventually, type TestDatabase } from '@dsops/testing';
import { Load } from './load.js';
import { problemsOf } from './oracle.js';

/** A slice of the proof. The whole: `pnpm test:events`. */
const COMMANDS = Number(process.env.DSOPS_EVENTS_COMMANDS ?? 1_000);
const KEYS = 100;
const KILLS = Math.max(4, Math.round(COMMANDS / 1_000));

describe('no event lost, no effect doubled, order per key', () => {
  let database: TestDatabase;
  let load: Load | undefined;

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await load?.end();
    await database.drop();
  });

  it(`holds for ${COMMANDS} acknowledged commands while processes are killed and the transport drops, doubles and reorders`, async () => {
    load = await Load.prepare({
      database,
      commands: COMMANDS,
      keys: KEYS,
      chaosRate: 0.01,
      kills: KILLS,
      hasPoison: true,
    });
    const seconds = await load.run();
    process.stderr.write(
      `events: ${COMMANDS} commands in ${seconds.commands.toFixed(1)} s, settled after ${seconds.settled.toFixed(1)} s, ${KILLS} kills\n`,
    );
    const verdict = await load.judge();
    expect(verdict.acknowledged).toBe(COMMANDS);
    expect(problemsOf(verdict)).toEqual([]);
    // What both have settled is pruned, down to the last event of each key.
    await eventually(async () => {
      const { rows } = await load!.admin.query<{ rows: string }>('select count(*) as rows from rotation.outbox');
      expect(Number(rows[0]!.rows)).toBeLessThanOrEqual(KEYS);
    }, 20_000);
  }, 300_000);
});
