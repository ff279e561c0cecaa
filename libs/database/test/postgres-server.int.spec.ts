import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Secret } from '@dsops/kernel';
import { startPostgres } from '../src/index.js';

describe('a PostgreSQL of our own', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-server-'));
    chmodSync(folder, 0o711); // as root it runs under an account of its own
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));

  const start = (port = 0) =>
    startPostgres({ dataDir: join(folder, 'data'), port, password: new Secret('of the spec') });

  it('is stopped also when it has ended a moment ago and nobody has been told yet', async () => {
    const server = await start();
    process.kill(server.pid, 'SIGQUIT');
    // It ends, and with it who watches over it, while this process hears of nothing.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    await server.stop();
    await server.exited;
  }, 30_000);

  it('says that another program has its port, and changes nothing', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(start(port)).rejects.toMatchObject({
      code: 'port_taken',
      message: expect.stringContaining(String(port)),
    });
    other.close();
    const server = await start(port);
    expect(server.port).toBe(port);
    await server.stop();
  }, 30_000);
});
