import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PortBook } from './port-book.js';

describe('the ports of a stack', () => {
  let file: string;
  beforeEach(() => {
    file = join(mkdtempSync(join(tmpdir(), 'dsops-ports-')), 'ports.json');
  });
  afterEach(() => rmSync(join(file, '..'), { recursive: true }));

  /** Listens there until it is closed. */
  async function occupy(port: number): Promise<{ port: number; close(): Promise<unknown> }> {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
    const { port: taken } = server.address() as { port: number };
    return { port: taken, close: () => new Promise((closed) => server.close(closed)) };
  }

  it('are the same at the next start', async () => {
    const first = await new PortBook(file).take('kafka');
    expect(await new PortBook(file).take('kafka')).toBe(first);
    expect(await new PortBook(file).take('zipkin')).not.toBe(first);
  });

  it('are others when somebody listens there now', async () => {
    const first = await new PortBook(file).take('kafka');
    const other = await occupy(first);
    expect(await new PortBook(file).take('kafka')).not.toBe(first);
    await other.close();
  });

  it('that a person wants are taken or refused', async () => {
    const other = await occupy(0);
    await expect(new PortBook(file).takeWanted('gateway', other.port)).rejects.toMatchObject({
      code: 'port_taken',
      message: expect.stringContaining(`Port ${other.port} cannot be had`),
    });
    await other.close();
    expect(await new PortBook(file).takeWanted('gateway', other.port)).toBe(other.port);
    expect(await new PortBook(file).take('gateway')).toBe(other.port);
  });

  it('are chosen anew when the file was spoilt', async () => {
    writeFileSync(file, '{"kafka": "many"}');
    expect(await new PortBook(file).take('kafka')).toBeGreaterThan(0);
  });
});
