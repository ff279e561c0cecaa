import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase, eventually, type TestDatabase } from '@dsops/testing';
import { Load } from './load.js';

/** A slice of the proof. The whole: `DSOPS_EVENTS_COMMANDS=20000 pnpm test e2e/events`. */
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
    const { acknowledged, seconds } = await load.run();
    const rowsOf = async <Row>(query: string) => (await load!.admin.query(query)).rows as Row[];
    process.stderr.write(`events: ${COMMANDS} commands in ${seconds.commands.toFixed(1)} s, settled after ${seconds.settled.toFixed(1)} s, ${KILLS} kills\n`); // prettier-ignore

    // Every acknowledged command happened once, and nothing happened that was not acknowledged in the end.
    const done = await rowsOf<{ id: string }>('select id from rotation.commands');
    expect(acknowledged.length).toBe(COMMANDS);
    expect(done.map(({ id }) => id).sort()).toEqual(acknowledged.map(({ id }) => id).sort());

    // Each of its events had one effect at each consumer.
    const expected = acknowledged.flatMap(({ text, keys }) => keys.map((key) => `${key} ${text}`)).sort();
    for (const consumer of ['worker', 'sleeper']) {
      const effects = await rowsOf<{ key: string; sequence: string; command: string }>(
        `select key, sequence, command from notification.effects where consumer = '${consumer}' order by nth`,
      );
      expect(effects.map(({ key, command }) => `${key} ${command}`).sort()).toEqual(expected);
      const next = new Map<string, number>();
      for (const { key, sequence } of effects) {
        expect(`${key} ${sequence}`).toBe(`${key} ${(next.get(key) ?? 0) + 1}`);
        next.set(key, Number(sequence));
      }
    }
    // Nothing is left over that somebody would have to look at.
    expect(await rowsOf('select kind from notification.event_alarms')).toEqual([]);
    expect(await rowsOf("select id from notification.dead_letters where status = 'open'")).toEqual([]);
    expect(await rowsOf('select state from notification.parked')).toEqual([]);
    // What both have settled is pruned, down to the last event of each key.
    await eventually(async () => {
      const [left] = await rowsOf<{ rows: string }>('select count(*) as rows from rotation.outbox');
      expect(Number(left!.rows)).toBeLessThanOrEqual(KEYS);
    }, 20_000);
  }, 300_000);
});
