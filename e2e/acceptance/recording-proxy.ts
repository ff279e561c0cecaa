import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RecordedAnswer {
  /** Which client got it: what stood before `/api` in its address, such as `run-7`. */
  readonly client: string;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly status: number;
  readonly headers: string;
  /** What has come so far; a stream of events may still go on. */
  body(): Buffer;
}

/** Stands between clients and the API, and keeps every answer. */
export interface RecordingProxy {
  readonly url: string;
  /** Oldest first, in the order in which they began. */
  readonly answers: readonly RecordedAnswer[];
  /** From now on every command line says that it is this one, such as `cli/0.0.1`; undefined: what it says itself. */
  pretend(client: string | undefined): void;
  close(): Promise<void>;
}

export async function startRecordingProxy(target: () => string): Promise<RecordingProxy> {
  const answers: RecordedAnswer[] = [];
  let pretended: string | undefined;

  const forward = (from: IncomingMessage, to: ServerResponse) => {
    const [, client = '', path = ''] = /^(?:\/(run-\d+))?(\/.*)$/.exec(from.url ?? '') ?? [];
    const headers = {
      ...from.headers,
      ...(client === '' || pretended === undefined ? {} : { 'dsops-client': pretended }),
    };
    const onward = request(`${target()}${path}`, { method: from.method, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answers.push({
        client,
        method: from.method ?? '',
        path,
        status: answer.statusCode ?? 0,
        headers: answer.rawHeaders.join('\n'),
        body: () => Buffer.concat(chunks),
      });
      to.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      to.flushHeaders();
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.pipe(to);
    });
    onward.on('error', () => to.destroy());
    to.on('close', () => onward.destroy());
    from.pipe(onward);
  };

  const server = createServer(forward);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    pretend: (client) => void (pretended = client),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
