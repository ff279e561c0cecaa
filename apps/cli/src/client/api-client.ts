import { setTimeout as sleep } from 'node:timers/promises';
import { API_VERSION, CLIENT_HEADER } from '@dsops/contracts/api';
import type { Operation, RequestOf, ResponseOf } from '@dsops/contracts/define-operation';
import { DomainError, newId, unwrapSecret, type Secret } from '@dsops/kernel';
import { interrupted } from '../failure.js';
import { CLI_VERSION } from '../version.js';
import { isConnectionLoss, isConnectionRefused, unreachable } from './connection-loss.js';
import { assertSendable, pathOf } from './request.js';
import { problemOf, unexpectedAnswer } from './problem-answer.js';

export interface ClientOptions {
  readonly url: string;
  readonly key: Secret;
  /** One line for each request when --debug is given; never a header or a body. */
  readonly trace?: (line: string) => void;
  /** Waits before a request whose connection was lost is sent again. */
  readonly retryDelaysMs?: readonly number[];
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_RETRY_DELAYS_MS = [200, 500, 1_500];

/** Calls of the public API, typed by the operations of the contract. */
export class ApiClient {
  readonly url: string;

  constructor(private readonly options: ClientOptions) {
    this.url = options.url;
  }

  /**
   * Calls one operation. A lost connection is tried again with the same Idempotency-Key, so that what was asked for
   * happens once. Answers that are problems are thrown as DomainError with the server's code, kind and remedy.
   */
  async call<O extends Operation>(
    operation: O,
    request: RequestOf<O> = {},
    options: CallOptions = {},
  ): Promise<ResponseOf<O>> {
    assertSendable(operation, request);
    const { body } = request;
    const headers: Record<string, string> = { accept: 'application/json' };
    // One intended action, one key: the retries below send the same.
    if (operation.method === 'POST') headers['idempotency-key'] = newId();
    if (body !== undefined) headers['content-type'] = 'application/json';
    const init = { method: operation.method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await this.withRetries(() => this.send(pathOf(operation, request), init, options), options.signal);
    if (!response.ok) throw problemOf(this.url, response.status, response.text);
    return this.read(operation, response.text);
  }

  /** Opens a stream of server-sent events. The caller reads the body and closes it through the signal. */
  async open(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const response = await this.fetch(
      path,
      { method: 'GET', headers: { accept: 'text/event-stream', ...headers } },
      signal,
    );
    if (response.ok && response.headers.get('content-type')?.startsWith('text/event-stream')) return response;
    throw problemOf(this.url, response.status, await response.text());
  }

  private read<O extends Operation>(operation: O, text: string): ResponseOf<O> {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw unexpectedAnswer(this.url, operation.status);
    }
    const parsed = operation.response.safeParse(json);
    if (parsed.success) return parsed.data as ResponseOf<O>;
    const where = parsed.error.issues[0]?.path.join('.') || 'its whole';
    throw new DomainError(
      'cli_unexpected_answer',
      'internal',
      `This dsops command (${CLI_VERSION}) does not understand the server's answer to ${operation.id}, in ${where}.`,
      { remedy: 'Use the command of the same release as the server; "dsops doctor" shows both versions.' },
    );
  }

  private async send(path: string, init: RequestInit, { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions) {
    const bound = AbortSignal.timeout(timeoutMs);
    const response = await this.fetch(path, init, signal ? AbortSignal.any([signal, bound]) : bound);
    return { ok: response.ok, status: response.status, text: await response.text() };
  }

  private async fetch(path: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
    const startedAt = performance.now();
    const trace = (result: string) =>
      this.options.trace?.(`${init.method} ${path} ${result} ${Math.round(performance.now() - startedAt)} ms`);
    try {
      const response = await fetch(`${this.url}/api/v${API_VERSION}${path}`, {
        ...init,
        headers: {
          ...(init.headers as Record<string, string>),
          authorization: `Bearer ${unwrapSecret(this.options.key)}`,
          [CLIENT_HEADER]: `cli/${CLI_VERSION}`,
        },
        // A redirect would carry the key to a place that nobody named.
        redirect: 'manual',
        signal,
      });
      trace(String(response.status));
      return response;
    } catch (error) {
      trace(`failed (${error instanceof Error ? error.name : 'unknown'})`);
      throw error;
    }
  }

  private async withRetries<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const delays = this.options.retryDelaysMs ?? DEFAULT_RETRY_DELAYS_MS;
    for (let retry = 0; ; retry++) {
      try {
        return await attempt();
      } catch (error) {
        if (signal?.aborted) throw interrupted();
        const delayMs = delays[retry];
        // Refused at the first attempt: nobody is there, and waiting would only hide it.
        const isWorthIt = isConnectionLoss(error) && !(retry === 0 && isConnectionRefused(error));
        if (!isWorthIt || delayMs === undefined) throw unreachable(this.url, error);
        await sleep(delayMs, undefined, signal ? { signal } : {}).catch(() => {
          throw interrupted();
        });
      }
    }
  }
}
