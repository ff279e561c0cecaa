import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span in Zipkin's format, https://zipkin.io/zipkin-api/#/default/post_spans. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly name: string;
  readonly kind?: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly localEndpoint: { readonly serviceName?: string };
  readonly tags: Readonly<Record<string, string>>;
}

/** Takes spans as Zipkin's collector does, and refuses what that refuses. */
export interface SpanCollector {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** What was sent, as it came. */
  readonly bodies: readonly string[];
  /** Requests that Zipkin would have refused. */
  readonly refused: readonly string[];
  close(): Promise<void>;
}

export async function startSpanCollector(): Promise<SpanCollector> {
  const spans: CollectedSpan[] = [];
  const bodies: string[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      bodies.push(body);
      const fault = faultIn(`${request.method} ${request.url}`, request.headers['content-type'], body);
      if (fault === undefined) spans.push(...(JSON.parse(body) as CollectedSpan[]));
      else refused.push(fault);
      response.writeHead(fault === undefined ? 202 : 400).end(fault);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v2/spans`,
    spans,
    bodies,
    refused,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function faultIn(route: string, contentType: string | undefined, body: string): string | undefined {
  if (route !== 'POST /api/v2/spans') return `no such route: ${route}`;
  if (contentType?.split(';')[0] !== 'application/json') return `unsupported content type ${contentType}`;
  const list = JSON.parse(body) as unknown;
  if (!Array.isArray(list)) return 'not a list of spans';
  const bad = (list as CollectedSpan[]).find(
    ({ traceId, id, tags }) =>
      !/^([0-9a-f]{16}|[0-9a-f]{32})$/.test(traceId) ||
      !/^[0-9a-f]{16}$/.test(id) ||
      Object.values(tags).some((value) => typeof value !== 'string'),
  );
  return bad && `bad span ${bad.name}`;
}
