import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { eventually } from './eventually.js';
import { startFaultProxy, type FaultProxy } from './fault-proxy.js';

describe('The fault proxy', () => {
  let target: Server;
  let proxy: FaultProxy;
  /** What reached the target. */
  let received: string;

  beforeEach(async () => {
    received = '';
    target = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        received += String(chunk);
        socket.write(`answer to ${String(chunk)}`);
      });
    });
    target.listen(0, '127.0.0.1');
    await once(target, 'listening');
    proxy = await startFaultProxy({ host: '127.0.0.1', port: (target.address() as AddressInfo).port });
  });
  afterEach(async () => {
    await proxy.close();
    target.close();
  });

  /** A client that remembers what it heard, and how its connection ended. */
  function client(): { socket: Socket; heard: () => string; ended: () => string } {
    const socket = connect(proxy.port, proxy.host);
    let heard = '';
    let ended = '';
    socket.on('data', (chunk) => (heard += String(chunk)));
    socket.on('error', (error: NodeJS.ErrnoException) => (ended = error.code ?? 'error'));
    socket.on('close', () => (ended ||= 'closed'));
    return { socket, heard: () => heard, ended: () => ended };
  }
  const until = (look: () => string, expected: string) => eventually(() => expect(look()).toBe(expected));

  it('passes bytes on both ways, and keeps what was sent', async () => {
    const { socket, heard } = client();
    socket.write('hello');
    await until(heard, 'answer to hello');
    expect(proxy.sent().toString()).toBe('hello');
    expect(proxy.fired).toEqual([]);
  });

  it('loses an answer after the request took effect, and cuts the client off', async () => {
    const { socket, heard, ended } = client();
    proxy.arm({ kind: 'lose-answer', when: 'SET', client: 'reset' });
    socket.write('GET');
    await until(heard, 'answer to GET');
    socket.write('SET');
    await until(ended, 'ECONNRESET');
    expect([received, heard()]).toEqual(['GETSET', 'answer to GET']);
    expect(proxy.fired).toMatchObject([{ kind: 'lose-answer' }]);
  });

  it('loses an answer and leaves the client waiting', async () => {
    const { socket, heard, ended } = client();
    proxy.arm({ kind: 'lose-answer', client: 'silence' });
    socket.write('SET');
    await until(() => received, 'SET');
    expect([heard(), ended()]).toEqual(['', '']);
    socket.destroy();
  });

  it('loses a request: the target never sees it', async () => {
    const { socket, ended } = client();
    proxy.arm({ kind: 'lose-request', when: 'SET', client: 'reset' });
    socket.write('SET');
    await until(ended, 'ECONNRESET');
    expect(received).toBe('');
  });

  it('knows what it waits for when it comes in two pieces', async () => {
    const { socket, ended } = client();
    proxy.arm({ kind: 'lose-request', when: 'SET', client: 'reset' });
    socket.write('SE');
    await until(() => received, 'SE');
    socket.write('T');
    await until(ended, 'ECONNRESET');
    expect(received).toBe('SE');
  });

  it('holds a request until it is released, after the client has gone', async () => {
    const { socket, ended } = client();
    proxy.arm({ kind: 'hold-request', client: 'reset' });
    socket.write('SET');
    await until(ended, 'ECONNRESET');
    expect(received).toBe('');
    proxy.release();
    await until(() => received, 'SET');
  });

  it('fires a fault once, on one connection', async () => {
    proxy.arm({ kind: 'lose-request', client: 'reset' });
    const [first, second] = [client(), client()];
    first.socket.write('a');
    await until(first.ended, 'ECONNRESET');
    second.socket.write('b');
    await until(second.heard, 'answer to b');
    expect(proxy.fired).toHaveLength(1);
  });

  it('hangs, slows down, and clears up', async () => {
    proxy.weather({ kind: 'hang' });
    const stuck = client();
    stuck.socket.write('a');
    await once(stuck.socket, 'connect');
    proxy.weather({ kind: 'slow', delayMs: 100 });
    const slow = client();
    const startedMs = performance.now();
    slow.socket.write('b');
    await until(slow.heard, 'answer to b');
    expect(performance.now() - startedMs).toBeGreaterThan(190);
    expect(stuck.heard()).toBe('');
    proxy.weather({ kind: 'clear' });
    const clear = client();
    clear.socket.write('c');
    await until(clear.heard, 'answer to c');
    stuck.socket.destroy();
  });

  it('refuses connections and opens again on the same port', async () => {
    const before = client();
    await once(before.socket, 'connect');
    await proxy.refuse();
    await until(before.ended, 'closed');
    const during = client();
    await until(during.ended, 'ECONNREFUSED');
    await proxy.reopen();
    const after = client();
    after.socket.write('a');
    await until(after.heard, 'answer to a');
  });
});
