import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * What the proxy does to the next bytes that match. Every fault fires once and is recorded when it does, so that a test
 * that meant to break something can show that it did.
 * - `lose-answer`: the target gets the request and answers; the answer is dropped, and the client is cut off (`reset`) or
 *   left waiting (`silence`). The request took effect.
 * - `lose-request`: the target never gets the request. From outside it looks exactly as `lose-answer` does.
 * - `hold-request`: the request is kept until {@link FaultProxy.release}, so that it lands late; the client is cut off.
 */
export interface Fault {
  readonly kind: 'lose-answer' | 'lose-request' | 'hold-request';
  /** Bytes from client to target that set it off, such as `ALTER ROLE`; absent: the next ones, whatever they are. */
  readonly when?: string;
  /** What the client sees: its connection reset, or nothing at all. */
  readonly client: 'reset' | 'silence';
}

/** How all connections behave: as usual, each chunk late, or taken and never served. */
export type Weather =
  { readonly kind: 'clear' } | { readonly kind: 'slow'; readonly delayMs: number } | { readonly kind: 'hang' };

export interface FaultRecord {
  readonly kind: Fault['kind'];
  readonly at: Date;
}

export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** Faults that were set off, oldest first. */
  readonly fired: readonly FaultRecord[];
  /** Every byte that clients sent through it, for tests that look for what must not be there. */
  readonly sent: () => Buffer;
  /** Arms one fault; it fires at most once. */
  arm(fault: Fault): void;
  /** Sends a held request on to the target. */
  release(): void;
  weather(weather: Weather): void;
  /** Closes the port: connections are refused until {@link FaultProxy.reopen}. */
  refuse(): Promise<void>;
  reopen(): Promise<void>;
  isListening(): boolean;
  /** Cuts every connection off, as a network does that goes away. */
  cutAll(): void;
  close(): Promise<void>;
}

/** A TCP proxy on loopback between a client and a target, that loses, delays and cuts off what a test tells it to. */
export async function startFaultProxy(target: { host: string; port: number }): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  const fired: FaultRecord[] = [];
  const sent: Buffer[] = [];
  const held: (() => void)[] = [];
  let armed: Fault | undefined;
  let weather: Weather = { kind: 'clear' };

  const fire = (fault: Fault) => {
    armed = undefined;
    fired.push({ kind: fault.kind, at: new Date() });
  };
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  };

  const server = createServer((client) => {
    keep(client);
    if (weather.kind === 'hang') return void client.resume();
    const upstream = connect(target.port, target.host);
    keep(upstream);
    let tail = ''; // the last bytes before this chunk, because what a fault waits for may come in two pieces
    let isMuted = false;
    const later = (act: () => void) => (weather.kind === 'slow' ? void setTimeout(act, weather.delayMs) : act());

    client.on('data', (chunk) => {
      sent.push(chunk);
      const fault = armed;
      const text = chunk.toString('latin1');
      // Of what came before only the beginning of a mark counts: a whole one there is one of an earlier request.
      const isMarked = fault?.when === undefined || (tail.slice(1 - fault.when.length) + text).includes(fault.when);
      tail = (tail + text).slice(-1_024);
      if (fault === undefined || !isMarked)
        return weather.kind === 'hang' ? undefined : later(() => upstream.writable && upstream.write(chunk));
      fire(fault);
      isMuted = true;
      if (fault.kind === 'lose-answer') {
        upstream.write(chunk);
        // The answer is what shows that the target is done.
        if (fault.client === 'reset') upstream.once('data', () => client.resetAndDestroy());
        return;
      }
      if (fault.kind === 'hold-request') held.push(() => upstream.write(chunk));
      else upstream.destroy();
      if (fault.client === 'reset') client.resetAndDestroy();
    });
    upstream.on('data', (chunk) => {
      if (!isMuted && weather.kind !== 'hang') later(() => client.writable && client.write(chunk));
    });
    client.once('close', () => isMuted || upstream.destroy());
    upstream.once('close', () => isMuted || client.destroy());
  });

  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const stopListening = async () => {
    const closed = server.listening ? once(server, 'close') : undefined;
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    host: '127.0.0.1',
    port,
    fired,
    sent: () => Buffer.concat(sent),
    arm: (fault) => void (armed = fault),
    release: () => held.splice(0).forEach((send) => send()),
    weather: (next) => void (weather = next),
    refuse: stopListening,
    reopen: () => listen(port),
    isListening: () => server.listening,
    cutAll: () => sockets.forEach((socket) => socket.destroy()),
    close: stopListening,
  };
}
