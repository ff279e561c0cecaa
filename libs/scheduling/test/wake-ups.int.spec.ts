import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { roleOf } from '@dsops/database';
import { createTestDatabase, eventually, type TestDatabase } from '@dsops/testing';
import { GraphileWakeUps } from '@dsops/scheduling';

/** Rights on a database are no part of the template that it was cloned from. */
async function grantCreate({ adminUrl, options }: TestDatabase): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  await client.query(`grant create on database ${options.database} to ${roleOf('scheduling')}`);
  await client.end();
}

describe('wake-ups', () => {
  let database: TestDatabase;
  let woken: string[];
  const open: GraphileWakeUps[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    woken = [];
    await grantCreate(database);
  });

  afterEach(async () => {
    for (const wakeUps of open.splice(0)) await wakeUps.stop();
    await database.drop();
  });

  async function startOne(handler = (key: string) => Promise.resolve(void woken.push(key))): Promise<GraphileWakeUps> {
    const wakeUps = new GraphileWakeUps({ ...database.options, pollMs: 50 });
    wakeUps.on('rotation', handler);
    await wakeUps.start();
    open.push(wakeUps);
    return wakeUps;
  }

  const soon = () => new Date(Date.now() + 100);
  const inAnHour = () => new Date(Date.now() + 3_600_000);

  it('wakes once, at the instant that was armed last', async () => {
    const wakeUps = await startOne();
    await wakeUps.arm({ task: 'rotation', key: 'moved', at: inAnHour() });
    await wakeUps.arm({ task: 'rotation', key: 'moved', at: soon() });
    await wakeUps.arm({ task: 'rotation', key: 'later', at: inAnHour() });
    await eventually(() => expect(woken).toEqual(['moved']));
  });

  it('wakes nobody for an appointment that was cancelled', async () => {
    const wakeUps = await startOne();
    // Far enough ahead that a busy machine cancels it in time.
    const at = new Date(Date.now() + 2_000);
    await wakeUps.arm({ task: 'rotation', key: 'cancelled', at });
    await wakeUps.cancel({ task: 'rotation', key: 'cancelled' });
    await wakeUps.arm({ task: 'rotation', key: 'kept', at });
    await eventually(() => expect(woken).toEqual(['kept']));
  });

  it('keeps an appointment when the process that made it is gone', async () => {
    const first = await startOne();
    await first.arm({ task: 'rotation', key: 'survives', at: new Date(Date.now() + 300) });
    await open.pop()?.stop();
    await startOne();
    await eventually(() => expect(woken).toEqual(['survives']));
  });
});
