import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { DomainError } from '@dsops/kernel';

/**
 * Below the ranges that Linux (32768), macOS and Windows (49152) take the ports of outgoing connections from: a server
 * that is started again on its port finds it as it left it.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** Given out by this process already, whether anything listens there yet or not. */
const given = new Set<number>();
/** One after the other from a place of chance: two processes that start at the same time hardly ever meet. */
let next = randomInt(LOWEST, HIGHEST);

/** Ports of 127.0.0.1 on which nobody listens, different from each other and from all that were given out before. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > HIGHEST - LOWEST)
      throw new DomainError('no_free_port', 'unavailable', 'No free port was found on this machine.', {
        remedy: `Close programs that listen on ports from ${LOWEST} to ${HIGHEST}.`,
      });
    const port = next;
    next = next + 1 < HIGHEST ? next + 1 : LOWEST;
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    ports.push(port);
  }
  return ports;
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}

/** Whether a server of this process could listen there now. */
export async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === undefined) return false;
  await new Promise((closed) => server.close(closed));
  return true;
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => done(server));
  });
}
