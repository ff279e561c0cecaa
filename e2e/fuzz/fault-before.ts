import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Tampered {
  status: number;
  contentType: string;
  text: string;
}

/** Stands before an installation and changes some of its answers, as a fault in it would. */
export interface FaultBefore {
  readonly url: string;
  close(): Promise<void>;
}

/** @param tamper gets each answer with method and path of its request, and changes what it likes */
export async function startFaultBefore(
  target: string,
  tamper: (asked: { method: string; path: string }, answer: Tampered) => void,
): Promise<FaultBefore> {
  const server = createServer((from, to) => {
    const { method = '', url = '', headers } = from;
    const onward = request(`${target}${url}`, { method, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('end', () => {
        const changed: Tampered = {
          status: answer.statusCode ?? 0,
          contentType: answer.headers['content-type'] ?? '',
          text: Buffer.concat(chunks).toString(),
        };
        tamper({ method, path: url.split('?')[0]! }, changed);
        const { 'content-length': _length, ...rest } = answer.headers;
        to.writeHead(changed.status, { ...rest, 'content-type': changed.contentType });
        to.end(changed.text);
      });
    });
    onward.once('error', () => to.destroy());
    from.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
