import { describe, it } from '@jest/globals';
import pg from 'pg';
import { roleOf } from '@dsops/database';
import { createTestDatabase, type TestDatabase } from '@dsops/testing';
import { GraphileWakeUps } from '@dsops/scheduling';
import { wakeUpsConformance, type WakeUpsHarness } from '@dsops/scheduling/conformance';

/** Rights on a database are no part of the template that it was cloned from. */
async function grantCreate({ adminUrl, options }: TestDatabase): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  await client.query(`grant create on database ${options.database} to ${roleOf('scheduling')}`);
  await client.end();
}

async function openHarness(): Promise<WakeUpsHarness> {
  const database = await createTestDatabase();
  await grantCreate(database);
  return {
    open: async () => {
      const wakeUps = new GraphileWakeUps({ ...database.options, pollMs: 50 });
      return { wakeUps, close: () => wakeUps.stop() };
    },
    close: () => database.drop(),
  };
}

describe('wake-ups as jobs in PostgreSQL', () => {
  for (const { name, run } of wakeUpsConformance) it(name, () => run(openHarness));
});
