import type { Method } from '@dsops/contracts/define-operation';
import { DomainError, unwrapSecret, type Secret } from '@dsops/kernel';
import { TOKEN_HEADER } from './invoker.js';

export interface SidecarOptions {
  /** Such as `http://127.0.0.1:3500`. */
  readonly sidecarUrl: string;
  /** What the sidecar asks of us: its DAPR_API_TOKEN. */
  readonly apiToken: Secret;
}

export interface SidecarRequest {
  readonly method: Method;
  /** From `/v1.0` on, query string included. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
}

export interface SidecarAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Our own Dapr sidecar over its HTTP API, https://docs.dapr.io/reference/api/. Answers of any status are returned: what
 * is a success differs from route to route, and each caller checks it. Why not the SDK: docs/adr/0008.
 */
export class Sidecar {
  private readonly url: string;
  private readonly apiToken: Secret;

  /** @throws DomainError `sidecar_token_invalid` for a token that no header can hold, such as one with a line break */
  constructor({ sidecarUrl, apiToken }: SidecarOptions) {
    this.url = sidecarUrl.replace(/\/+$/, '');
    this.apiToken = apiToken;
    if (!/^[\x21-\x7e]+$/.test(unwrapSecret(apiToken)))
      throw new DomainError(
        'sidecar_token_invalid',
        'invalid',
        'The token for the Dapr sidecar is empty or holds a character that no header can carry.',
        { remedy: 'Look at DAPR_API_TOKEN, often it ends with a line break.' },
      );
  }

  /** @throws DomainError `sidecar_unavailable` when no answer came; whether the sidecar did something is unknown then. */
  async ask({ method, path, headers, body, timeoutMs }: SidecarRequest): Promise<SidecarAnswer> {
    try {
      const response = await fetch(`${this.url}${path}`, {
        method,
        headers: { ...headers, [TOKEN_HEADER]: unwrapSecret(this.apiToken) },
        ...(body === undefined ? {} : { body }),
        redirect: 'manual', // the token goes nowhere else
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      // Without the cause: errors of fetch may quote what was sent.
      throw new DomainError(
        'sidecar_unavailable',
        'unavailable',
        `The Dapr sidecar does not answer (${nameOf(error)}).`,
        { remedy: 'See whether daprd runs, and whether DAPR_HTTP_PORT is its port.' },
      );
    }
  }
}

/** `ECONNREFUSED`, `TimeoutError` and the like. */
function nameOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : (name ?? 'unknown');
}

const LONGEST_REASON = 300;

/**
 * What daprd itself says is wrong, in one line such as `403 ERR_PUBSUB_FORBIDDEN: topic x is not allowed for app id y`;
 * undefined when the answer is not daprd's own. Its errors are `{errorCode, message}`, ours are problem+json.
 */
export function sidecarFault({ status, text }: SidecarAnswer): string | undefined {
  if (status < 400) return undefined;
  const { errorCode, message } = (tryParseJson(text) ?? {}) as { errorCode?: unknown; message?: unknown };
  if (typeof errorCode !== 'string' || !errorCode.startsWith('ERR_')) return undefined;
  return oneLine(`${status} ${errorCode}${typeof message === 'string' ? `: ${message}` : ''}`);
}

/** daprd asks for another token than ours; it says so in plain text. */
export const refusesToken = ({ status, text }: SidecarAnswer): boolean =>
  status === 401 && text.startsWith('invalid api token');

/** Text of somebody else as it may stand in a log line or a row: one line, no control characters, not endless. */
export const oneLine = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, LONGEST_REASON);

/** JSON, or undefined for what is none. */
export function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
