import { API_VERSION } from '@dsops/contracts/api';
import { isKeyed, type Operation, type RequestOf, type ResponseOf } from '@dsops/contracts/define-operation';
import { pathOf } from '@dsops/contracts/request-path';
import { newId } from '@dsops/kernel';
import { answerIn, problemIn } from './answer.js';
import { readEvents, type EventStreamItem, type EventStreamOptions } from './event-stream.js';
import { Exchange, type ExchangeOptions, type Reply, type Request, type SendOptions } from './exchange.js';
import { itemsOf, type ItemOf, type ListOf, type PagedOperation } from './pages.js';
import { assertSendable } from './request.js';

export interface ApiClientOptions extends ExchangeOptions {
  /** What stands before an operation's path: `/api/v1` unless said; nothing at a service itself. */
  readonly basePath?: string;
}

export interface CallOptions extends SendOptions {
  /** For who repeats an intended action by himself; each call has one of its own otherwise. */
  readonly idempotencyKey?: string;
}

/**
 * Calls of the API, typed by its table of operations.
 *
 *   call        one operation, checked on its way out and back
 *   items       a list, over all of its pages
 *   events      what happens, as it happens
 *   exchange    any request and any answer, for who tests what the API refuses
 */
export class ApiClient {
  private readonly http: Exchange;

  constructor(options: ApiClientOptions) {
    this.http = new Exchange(options, options.basePath ?? `/api/v${API_VERSION}`);
  }

  get url(): string {
    return this.http.url;
  }

  /**
   * Calls one operation. A lost connection is tried again with the same Idempotency-Key, so that what was asked for
   * happens once.
   * @throws DomainError with code, kind and remedy of the problem that was answered; `request_invalid` before anything
   * is sent; `server_unreachable`, `answer_unexpected`, `answer_not_understood`
   */
  async call<O extends Operation>(
    operation: O,
    request: RequestOf<O> = {},
    { idempotencyKey, ...options }: CallOptions = {},
  ): Promise<ResponseOf<O>> {
    assertSendable(operation, request);
    const { method } = operation;
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const headers = {
      accept: 'application/json',
      // One intended action, one key: whatever is sent again has the same.
      ...(isKeyed(method) && { 'idempotency-key': idempotencyKey ?? newId() }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const reply = await this.http.send(
      { method, path: pathOf(operation, request), headers, ...(body !== undefined && { body }) },
      options,
    );
    if (reply.status >= 200 && reply.status < 300) return answerIn(this.url, operation, reply.text);
    throw problemIn(this.url, reply);
  }

  /** The items of a list in its order, at most `most` of them. Pages are asked for as they are needed. */
  items<O extends PagedOperation>(
    operation: O,
    list: ListOf<O> = {},
    { most, ...options }: SendOptions & { readonly most?: number } = {},
  ): AsyncGenerator<ItemOf<O>, void, undefined> {
    return itemsOf((page) => {
      const request = { ...list, query: { ...list.query, ...page } } as unknown as RequestOf<O>;
      return this.call(operation, request, options);
    }, most);
  }

  /** As {@link items}, all together. */
  async list<O extends PagedOperation>(
    operation: O,
    list: ListOf<O> = {},
    options: SendOptions & { readonly most?: number } = {},
  ): Promise<ItemOf<O>[]> {
    const found: ItemOf<O>[] = [];
    for await (const item of this.items(operation, list, options)) found.push(item);
    return found;
  }

  /**
   * Events as they happen, over `GET /events`, until the signal ends it. After a lost connection it goes on where it
   * stopped.
   * @throws DomainError when the server answers that there is no such stream for us
   */
  events(options: EventStreamOptions): AsyncGenerator<EventStreamItem, void, undefined> {
    return readEvents(async (path, headers, signal) => {
      const response = await this.http.open({ method: 'GET', path, headers }, signal);
      if (response.ok && response.headers.get('content-type')?.startsWith('text/event-stream')) return response;
      throw problemIn(this.url, { status: response.status, text: await response.text() });
    }, options);
  }

  /** Sends any request as it is and answers what came, whatever its status. */
  exchange(request: Request, options: SendOptions = {}): Promise<Reply> {
    return this.http.send(request, options);
  }
}
