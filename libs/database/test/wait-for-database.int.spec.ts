import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitForDatabase, type DatabaseOptions } from '@dsops/database';
import { Secret } from '@dsops/kernel';
import { createTestDatabase, eventually, type TestDatabase } from '@dsops/testing';

/** Listens on this port, 0 for a free one, and passes everything on to the database. */
async function doorTo(database: DatabaseOptions, port: number): Promise<Server> {
  const door = createServer((client) => {
    const server = connect(database.port, database.host);
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) socket.on('error', () => undefined);
  });
  door.listen(port, '127.0.0.1');
  await once(door, 'listening');
  return door;
}

describe('a service whose database is not there yet', () => {
  let database: TestDatabase;
  let port: number;
  beforeAll(async () => {
    database = await createTestDatabase();
    const door = await doorTo(database.options, 0);
    ({ port } = door.address() as AddressInfo);
    await new Promise((closed) => door.close(closed));
  });
  afterAll(() => database.drop());

  const wait = (options: Partial<DatabaseOptions>, signal = new AbortController().signal) => {
    const reasons: string[] = [];
    const onWaiting = (reason: string) => reasons.push(reason);
    const done = waitForDatabase('audit', { ...database.options, ...options }, { onWaiting, signal });
    return { done, reasons };
  };

  it('waits for it, says why once, and goes on as soon as it lets it in', async () => {
    let attempts = 0;
    const closedDoor = createServer((client) => {
      attempts += 1;
      client.destroy();
    }).listen(port, '127.0.0.1');
    const { done, reasons } = wait({ port });
    await eventually(() => expect(attempts).toBeGreaterThan(2));
    expect(reasons).toHaveLength(1);
    await new Promise((closed) => closedDoor.close(closed));
    const door = await doorTo(database.options, port);
    await done;
    expect(reasons).toHaveLength(1);
    door.close();
  });

  it('does not wait when the database refuses the login: that will not mend itself', async () => {
    const refused = { code: 'database_refuses' };
    await expect(wait({ password: new Secret('another') }).done).rejects.toMatchObject(refused);
    await expect(wait({ database: 'no_such_database' }).done).rejects.toMatchObject(refused);
  });

  it('stops waiting when it is told to end', async () => {
    const stopping = new AbortController();
    const { done, reasons } = wait({ port }, stopping.signal);
    await eventually(() => expect(reasons).toHaveLength(1));
    stopping.abort();
    await expect(done).rejects.toMatchObject({ name: 'AbortError' });
  });
});
