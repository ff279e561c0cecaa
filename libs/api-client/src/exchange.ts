import { CLIENT_HEADER } from '@dsops/contracts/api';
import { DomainError, isDomainError, unwrapSecret, type Secret } from '@dsops/kernel';
import { codeOf, isConnectionLoss, isConnectionRefused, isTimeout } from './connection-loss.js';
import { pause } from './pause.js';

export interface ExchangeOptions {
  /** Where it listens, without a slash at its end: `http://127.0.0.1:7466`. */
  readonly url: string;
  /** Headers that show who asks, made anew for each request; {@link apiKey} is the usual way. */
  readonly credentials: () => Readonly<Record<string, string>>;
  /** Who calls, as the header `dsops-client` has it: `cli/0.1.0`. */
  readonly name?: string;
  /** One line for each request; never a header or a body. */
  readonly trace?: (line: string) => void;
  /** Waits before a request whose connection was lost is sent again; none: it is sent once. */
  readonly retryDelaysMs?: readonly number[];
  readonly timeoutMs?: number;
  /** What to do when nobody can be talked to, in the words of the program that calls. */
  readonly remedyWhenUnreachable?: string;
}

export interface Request {
  readonly method: string;
  /** Below the base path, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface SendOptions {
  /** Ends it; what is thrown then is the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/** An answer of any status. */
export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

const TIMEOUT_MS = 60_000;
const RETRY_DELAYS_MS = [200, 500, 1_500];

/** Shows an API key, which is in the clear only on the request itself. */
export const apiKey = (key: Secret) => (): Record<string, string> => ({
  authorization: `Bearer ${unwrapSecret(key)}`,
});

/** HTTP with one server: who asks, how long it may take, and what happens when the connection breaks. */
export class Exchange {
  constructor(
    private readonly options: ExchangeOptions,
    private readonly basePath: string,
  ) {}

  get url(): string {
    return this.options.url;
  }

  /**
   * Sends one request. When the connection is lost, nobody knows whether it was carried out: it is sent again, which
   * is for the caller to make safe, with an Idempotency-Key for example.
   * @throws DomainError `server_unreachable`
   */
  async send(request: Request, options: SendOptions = {}): Promise<Reply> {
    const delays = this.options.retryDelaysMs ?? RETRY_DELAYS_MS;
    for (let retry = 0; ; retry++)
      try {
        return await this.sendOnce(request, options);
      } catch (error) {
        options.signal?.throwIfAborted();
        const delayMs = delays[retry];
        // Refused at the first attempt: nobody is there, and waiting would only hide it.
        const isWorthIt = isConnectionLoss(error) && !(retry === 0 && isConnectionRefused(error));
        if (!isWorthIt || delayMs === undefined) throw this.unreachable(error);
        await pause(delayMs, options.signal);
        options.signal?.throwIfAborted();
      }
  }

  /** Sends a request whose answer goes on. The caller reads the body and ends it through the signal. */
  async open(request: Request, signal: AbortSignal): Promise<Response> {
    const startedMs = performance.now();
    const trace = (result: string) =>
      this.options.trace?.(
        `${request.method} ${request.path} ${result} ${Math.round(performance.now() - startedMs)} ms`,
      );
    const { name, credentials } = this.options;
    try {
      const response = await fetch(`${this.url}${this.basePath}${request.path}`, {
        method: request.method,
        headers: { ...(name && { [CLIENT_HEADER]: name }), ...credentials(), ...request.headers },
        ...(request.body === undefined ? {} : { body: request.body }),
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

  private async sendOnce(request: Request, { signal, timeoutMs }: SendOptions): Promise<Reply> {
    const bound = AbortSignal.timeout(timeoutMs ?? this.options.timeoutMs ?? TIMEOUT_MS);
    const response = await this.open(request, signal ? AbortSignal.any([signal, bound]) : bound);
    const contentType = response.headers.get('content-type') ?? '';
    return { status: response.status, contentType, text: await response.text() };
  }

  private unreachable(error: unknown): DomainError {
    if (isDomainError(error)) return error;
    const code = codeOf(error);
    const why = isTimeout(error)
      ? 'does not answer in time'
      : code === 'ECONNREFUSED'
        ? 'does not run: nobody listens at its address'
        : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
          ? 'cannot be found: its name has no address'
          : `cannot be reached (${code ?? 'the connection broke'})`;
    const remedy = this.options.remedyWhenUnreachable ?? 'Check that it runs, and that its address is right.';
    return new DomainError(
      'server_unreachable',
      'unavailable',
      `dsops at ${this.url} ${why}.`,
      { remedy },
      { cause: error },
    );
  }
}

/** May the same request succeed a little later, when a restart is over for example? */
export const isPassing = (error: unknown): boolean =>
  isDomainError(error) && (error.kind === 'unavailable' || error.kind === 'rate_limited');
