import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** What a server says and what it got: the frontend's messages after the first, each with its type's letter. */
export interface StrictServer {
  readonly port: number;
  /** Everything that clients sent, as text, in order. */
  readonly received: readonly string[];
  close(): Promise<void>;
}

/** One message of a server (PostgreSQL's "Message Formats"): type, length of the rest with itself, rest. */
export function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

export const authentication = (method: number, rest = Buffer.alloc(0)): Buffer =>
  message('R', Buffer.concat([int32(method), rest]));
export const ASKS_CLEAR = authentication(3);
export const ASKS_MD5 = authentication(5, Buffer.from([1, 2, 3, 4]));
export const ASKS_SCRAM = authentication(10, Buffer.from('SCRAM-SHA-256\0\0'));
export const LETS_IN = Buffer.concat([authentication(0), message('Z', Buffer.from('I'))]);
export const refusal = (sqlState: string): Buffer => message('E', Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0Mno\0\0`));

/** What real servers never do: answers the n-th packet of a client with the n-th answer, whatever was in it. */
export async function startStrictServer(...answers: readonly Buffer[]): Promise<StrictServer> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let nth = 0;
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      received.push(bytes.toString('latin1'));
      const answer = answers[nth++];
      if (answer === undefined) socket.destroy();
      else socket.write(answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
