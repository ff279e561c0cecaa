import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { operations } from '@dsops/contracts/api';
import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import { isKeyed, type Operation } from '@dsops/contracts/define-operation';
import { deadLetterSchema, type DeadLetterView } from '@dsops/contracts/gateway/api';
import { HTTP_STATUS } from '@dsops/contracts/problem';
import { callerSchema, CALLER_HEADER, TOKEN_HEADER, type Caller } from '@dsops/platform';
import { exampleOf } from './example-of.js';

/** A request as a service got it. */
export interface Received {
  readonly operation: string;
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly headers: IncomingMessage['headers'];
}

export interface Scripted {
  readonly status: number;
  readonly body: unknown;
}

/**
 * The services behind the gateway, each on a port of its own. They take what the contract lets them take and nothing else:
 * a request that breaks it is a fault of the gateway, and is kept in `violations`.
 */
export class StubServices {
  readonly received: Received[] = [];
  readonly violations: string[] = [];
  readonly letters = new Map<ServiceName, DeadLetterView[]>();
  /** What the next request to an operation is answered instead of an example. */
  readonly answers = new Map<string, Scripted | 'never'>();
  readonly unready = new Set<ServiceName>();
  private readonly servers = new Map<ServiceName, ReturnType<typeof createServer>>();

  private constructor(
    private readonly token: string,
    private readonly table: readonly Operation[],
  ) {}

  static async start(token: string, table: readonly Operation[] = operations): Promise<StubServices> {
    const stub = new StubServices(token, table);
    for (const service of SERVICES.filter((name) => name !== 'gateway')) {
      const server = createServer((request, response) => void stub.serve(service, request, response));
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      stub.servers.set(service, server);
    }
    return stub;
  }

  urlOf(service: ServiceName): string {
    const address = this.servers.get(service)?.address() as AddressInfo | null | undefined;
    // Nobody listens at port 1: the service is down.
    return `http://127.0.0.1:${address?.port ?? 1}`;
  }

  async stopService(service: ServiceName): Promise<void> {
    const server = this.servers.get(service);
    this.servers.delete(service);
    server?.closeAllConnections();
    await new Promise((done) => (server === undefined ? done(undefined) : server.close(done)));
  }

  async close(): Promise<void> {
    for (const service of [...this.servers.keys()]) await this.stopService(service);
  }

  of(operation: Operation): Received[] {
    return this.received.filter((request) => request.operation === operation.id);
  }

  private async serve(service: ServiceName, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://stub');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const answer = this.answer(service, request, url, text === '' ? undefined : JSON.parse(text));
    if (answer === 'never') return;
    response.writeHead(answer.status, {
      'content-type': answer.status < 400 ? 'application/json' : 'application/problem+json',
    });
    response.end(JSON.stringify(answer.body));
  }

  private answer(service: ServiceName, request: IncomingMessage, url: URL, body: unknown): Scripted | 'never' {
    if (url.pathname === '/health/ready') return { status: this.unready.has(service) ? 503 : 200, body: {} };
    if (request.headers[TOKEN_HEADER] !== this.token) return this.violation('the token is missing');
    if (url.pathname === '/internal/events/heads') return { status: 200, body: { asOf: '1', heads: [], next: null } };
    if (url.pathname.startsWith('/internal/dead-letters')) return this.letter(service, request.method!, url, body);
    for (const operation of this.table) {
      const params =
        operation.service === service && operation.method === request.method
          ? fit(operation.path, url.pathname)
          : undefined;
      if (params === undefined) continue;
      return this.take(operation, request, { params, query: Object.fromEntries(url.searchParams), body });
    }
    return this.violation(`${service} has no ${request.method} ${url.pathname}`);
  }

  private take(
    operation: Operation,
    { headers }: IncomingMessage,
    input: Pick<Received, 'params' | 'query' | 'body'>,
  ): Scripted | 'never' {
    const caller = callerSchema.parse(
      JSON.parse(Buffer.from(String(headers[CALLER_HEADER]), 'base64url').toString('utf8')),
    );
    for (const part of ['params', 'query', 'body'] as const) {
      const schema = operation[part];
      if (schema === undefined && part === 'body' && input.body !== undefined)
        return this.violation(`${operation.id} got a body`);
      const read = schema?.safeParse(input[part]);
      if (read !== undefined && !read.success) return this.violation(`${operation.id}: ${part} ${read.error.message}`);
    }
    if (isKeyed(operation.method) !== (headers['idempotency-key'] !== undefined))
      return this.violation(
        `${operation.id} came ${isKeyed(operation.method) ? 'without' : 'with an'} Idempotency-Key`,
      );
    if (!/^00-[0-9a-f]{32}-/.test(String(headers.traceparent)))
      return this.violation(`${operation.id} came without traceparent`);
    this.received.push({ operation: operation.id, caller, ...input, headers });
    return this.answers.get(operation.id) ?? { status: operation.status, body: exampleOf(operation.response) };
  }

  /** As every service that consumes events has them: newest first, the last id of a page as cursor. */
  private letter(service: ServiceName, method: string, url: URL, body: unknown): Scripted {
    const all = this.letters.get(service) ?? [];
    const [, , , id, verb] = url.pathname.split('/');
    if (id === undefined) {
      const limit = Number(url.searchParams.get('limit'));
      const cursor = url.searchParams.get('cursor');
      const fitting = all.filter(
        (letter) => letter.status === url.searchParams.get('status') && (cursor === null || letter.id < cursor),
      );
      const items = fitting.slice(0, limit);
      return { status: 200, body: { items, next: fitting.length > limit ? items.at(-1)!.id : null } };
    }
    const letter = all.find((one) => one.id === id);
    if (letter === undefined)
      return problem('not_found', 'dead_letter_not_found', 'There is no dead letter with this id.');
    if (verb === 'drop') return { status: 200, body: { ...letter, status: 'dropped', ...(body as { note: string }) } };
    if (method === 'POST') return { status: 200, body: { ...letter, status: 'replayed' } };
    return { status: 200, body: deadLetterSchema.parse({ ...letter, event: { id: letter.eventId } }) };
  }

  private violation(what: string): Scripted {
    this.violations.push(what);
    return problem('internal', 'stub_violation', what);
  }
}

export const problem = (kind: keyof typeof HTTP_STATUS, code: string, detail: string, more: object = {}): Scripted => ({
  status: HTTP_STATUS[kind],
  body: {
    type: `https://dsops.dev/problems/${code}`,
    title: code,
    status: HTTP_STATUS[kind],
    detail,
    code,
    kind,
    ...more,
  },
});

function fit(path: string, actual: string): Record<string, string> | undefined {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const found = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '([^/]+)')}$`).exec(actual);
  if (found === null) return undefined;
  return Object.fromEntries(names.map((name, place) => [name, decodeURIComponent(found[place + 1]!)]));
}
