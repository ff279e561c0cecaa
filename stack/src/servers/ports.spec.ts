import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { freePorts, isFree } from './ports.js';

describe('free ports', () => {
  it('are different, even when many ask at the same time', async () => {
    const ports = (await Promise.all(Array.from({ length: 20 }, () => freePorts(10)))).flat();
    expect(new Set(ports).size).toBe(200);
  });

  it('are ones on which a server can listen, below those of outgoing connections', async () => {
    const [port = 0] = await freePorts(1);
    expect(port).toBeLessThan(32_768);
    const server = createServer();
    await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
    expect(await isFree(port)).toBe(false);
    await new Promise((closed) => server.close(closed));
    expect(await isFree(port)).toBe(true);
  });
});
