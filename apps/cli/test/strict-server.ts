import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { API_VERSION, CLIENT_HEADER, operations } from '@dsops/contracts/api';
import {
  isKeyed,
  type BodyOf,
  type Operation,
  type ParamsOf,
  type QueryOf,
  type ResponseOf,
} from '@dsops/contracts/define-operation';
import { HTTP_STATUS, type Problem } from '@dsops/contracts/problem';
import { DomainError, isDomainError, isId } from '@dsops/kernel';

export const API_KEY = 'dsops_canary-key-0123456789';
/** Thrown by a handler: the connection breaks instead of an answer. */
export class LostAnswer extends Error {}

export interface Request<O extends Operation> {
  readonly params: ParamsOf<O>;
  readonly query: QueryOf<O>;
  readonly body: BodyOf<O>;
  readonly idempotencyKey: string | undefined;
}
type Handler<O extends Operation> = (request: Request<O>) => ResponseOf<O> | Promise<ResponseOf<O>>;

export interface Seen {
  readonly operation: string;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly idempotencyKey: string | undefined;
}

export interface FeedEntry {
  readonly event: string;
  readonly data: unknown;
}

/**
 * A dsops server as the contract describes it and no more: every request must fit the operation's schemas, carry the
 * key, the client's name and, on each POST, a ULID as Idempotency-Key; every answer is checked before it leaves. What a
 * request does wrong is kept in `violations`, which a test expects to stay empty.
 */
export class StrictServer {
  readonly violations: string[] = [];
  readonly seen: Seen[] = [];
  readonly feed: FeedEntry[] = [];
  /** The `types` and `Last-Event-ID` of each stream that was opened. */
  readonly streamRequests: { types: string | null; after: string | undefined }[] = [];
  hasStream = true;
  private readonly handlers = new Map<string, Handler<Operation>>();
  private readonly streams = new Set<ServerResponse>();
  private readonly bodiesByKey = new Map<string, string>();
  private readonly server: Server;
  private port = 0;

  constructor() {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) => {
        if (error instanceof LostAnswer) return void request.socket.destroy();
        if (!isDomainError(error)) this.violations.push(`${request.method} ${request.url}: ${String(error)}`);
        sendProblem(response, isDomainError(error) ? error : new DomainError('internal', 'internal', 'It broke.'));
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  on<const O extends Operation>(operation: O, handler: Handler<O>): this {
    this.handlers.set(operation.id, handler);
    return this;
  }

  requestsOf(operation: Operation): Seen[] {
    return this.seen.filter((seen) => seen.operation === operation.id);
  }

  /** Appends to the feed and tells all open streams. */
  emit(event: string, data: unknown): void {
    this.feed.push({ event, data });
    for (const stream of this.streams) this.write(stream, this.feed.length - 1);
  }

  get openStreams(): number {
    return this.streams.size;
  }

  /** Moves the place to resume at, as the gateway does past events that a stream leaves out. */
  heartbeat(position: number): void {
    for (const stream of this.streams) stream.write(`: still here\nid: ${position}\n\n`);
  }

  dropStreams(): void {
    for (const stream of this.streams) stream.end();
    this.streams.clear();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.url);
    const prefix = `/api/v${API_VERSION}`;
    if (request.headers.authorization !== `Bearer ${API_KEY}`)
      throw new DomainError('key_unknown', 'unauthenticated', 'This API key is not known here.', {
        remedy: 'Use the key that this server made.',
      });
    if (!/^cli\/\d+\.\d+\.\d+$/.test(String(request.headers[CLIENT_HEADER])))
      this.violations.push(`${url.pathname}: no ${CLIENT_HEADER}`);
    if (url.pathname === `${prefix}/events`) return this.stream(url, request, response);

    const { operation, params } = find(request.method ?? '', url.pathname.slice(prefix.length));
    const handler = this.handlers.get(operation.id);
    if (handler === undefined) throw new Error(`no handler for ${operation.id}`);
    const raw = await text(request);
    const idempotencyKey = this.readKey(operation, request, raw);
    const parsed = {
      params: operation.params?.parse(params),
      query: operation.query?.parse(Object.fromEntries(url.searchParams)),
      body: operation.body?.parse(JSON.parse(raw)),
      idempotencyKey,
    };
    if (!operation.query && url.search) this.violations.push(`${operation.id} takes no query`);
    if (!operation.body && raw) this.violations.push(`${operation.id} takes no body`);
    this.seen.push({ operation: operation.id, ...parsed });
    const result = await handler(parsed as unknown as Request<Operation>);
    response.writeHead(operation.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(operation.response.parse(result)));
  }

  private readKey(operation: Operation, request: IncomingMessage, body: string): string | undefined {
    const key = request.headers['idempotency-key'];
    if (!isKeyed(operation.method)) {
      if (key !== undefined) this.violations.push(`${operation.id}: an Idempotency-Key on a ${operation.method}`);
      return undefined;
    }
    if (typeof key !== 'string' || !isId(key)) {
      this.violations.push(`${operation.id}: the Idempotency-Key is missing or no ULID`);
      return undefined;
    }
    const before = this.bodiesByKey.get(key);
    if (before !== undefined && before !== body) this.violations.push(`${operation.id}: one key for two bodies`);
    this.bodiesByKey.set(key, body);
    return key;
  }

  private stream(url: URL, request: IncomingMessage, response: ServerResponse): void {
    if (!this.hasStream) throw new DomainError('not_found', 'not_found', 'There is no stream.');
    const after = request.headers['last-event-id'];
    const position = typeof after === 'string' ? Number(after) : undefined;
    this.streamRequests.push({ types: url.searchParams.get('types'), after: position?.toString() });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': welcome\n\n');
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
    for (let index = position ?? this.feed.length; index < this.feed.length; index++) this.write(response, index);
  }

  private write(stream: ServerResponse, index: number): void {
    const { event, data } = this.feed[index]!;
    stream.write(`id: ${index + 1}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }
}

function find(method: string, path: string): { operation: Operation; params: Record<string, string> } {
  for (const operation of operations) {
    if (operation.method !== method) continue;
    const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
    const match = new RegExp(`^${operation.path.replace(/\{\w+\}/g, '([^/]+)')}$`).exec(path);
    if (!match) continue;
    const params = Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(match[index + 1]!)]));
    return { operation, params };
  }
  throw new Error('no such operation');
}

function sendProblem(response: ServerResponse, error: DomainError): void {
  const { remedy, path: _path, ...facts } = error.details;
  const status = HTTP_STATUS[error.kind];
  const problem: Problem = {
    type: `https://dsops.dev/problems/${error.code}`,
    title: error.code,
    status,
    detail: error.message,
    code: error.code,
    kind: error.kind,
    ...(remedy === undefined ? {} : { remedy }),
    ...facts,
  };
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify(problem));
}
