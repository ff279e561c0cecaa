import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unwrapSecret } from '@dsops/kernel';
import { createTestDatabase, eventually, type TestDatabase } from '@dsops/testing';
import { loginOf, openPool, waitForDatabase } from '../src/index.js';

/** The real one, of the package pgbouncer (apt-get install pgbouncer). */
const PGBOUNCER = '/usr/sbin/pgbouncer';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

describe.each(['transaction', 'session'])('pgbouncer in mode %s before our database', (mode) => {
  let home: TestDatabase;
  let folder: string;
  let pooler: ChildProcess;
  let port: number;
  beforeAll(async () => {
    home = await createTestDatabase();
    port = await freePort();
    folder = mkdtempSync(join(tmpdir(), 'dsops-pgbouncer-'));
    chmodSync(folder, 0o755);
    const password = unwrapSecret(home.options.password);
    writeFileSync(join(folder, 'users.txt'), `"dsops_rotation" "${password}"\n"dsops_delivery" "${password}"\n`);
    writeFileSync(
      join(folder, 'pgbouncer.ini'),
      `[databases]
* = host=127.0.0.1 port=${home.options.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${join(folder, 'users.txt')}
pool_mode = ${mode}
`,
    );
    const account = process.getuid?.() === 0 ? ['-u', 'postgres'] : [];
    pooler = spawn(PGBOUNCER, [...account, join(folder, 'pgbouncer.ini')], { stdio: 'ignore' });
    await once(pooler, 'spawn');
    await eventually(async () => {
      const pool = openPool(loginOf('rotation', { ...home.options, port }));
      // It answers, whatever it says.
      await expect(pool.query('select 1')).rejects.not.toMatchObject({ code: 'ECONNREFUSED' });
      await pool.end();
    });
  });
  afterAll(async () => {
    const gone = once(pooler, 'exit');
    pooler.kill('SIGKILL');
    await gone;
    rmSync(folder, { recursive: true });
    await home.drop();
  });

  it('is refused at the start, in words that say what to do', async () => {
    const signal = new AbortController().signal;
    const options = { ...home.options, port };
    await expect(waitForDatabase('rotation', options, { onWaiting: () => undefined, signal })).rejects.toMatchObject({
      code: 'database_pooled',
      details: { remedy: expect.stringContaining('DSOPS_DATABASE_PORT') },
    });
  });

  it('is refused by every pool of ours', async () => {
    const pool = openPool(loginOf('delivery', { ...home.options, port }));
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'database_pooled' });
    await pool.end();
  });
});
