import type { Probe } from '../driver.js';
import type { Saying } from './saying.js';
import { SilentTarget } from './within.js';

/**
 * A connection on which no answer came that could be judged: the same for every target that is reached over TCP.
 * Without any text that the server sent: such a text may hold a statement, and with it a secret.
 */
export type NoAnswer =
  | { readonly kind: 'silent' }
  /** The socket: refused, reset, unknown host. `code` as Node has it; null when the connection simply ended. */
  | { readonly kind: 'network'; readonly code: string | null }
  /** Encryption was refused, or the certificate is not to be trusted. */
  | { readonly kind: 'encryption'; readonly code: string | null }
  /** What answered could not prove that it is the server, or speaks another protocol. */
  | { readonly kind: 'untrusted' };

/** By shape: Node's own errors may come from another realm than ours. */
export function noAnswerOf(error: unknown): NoAnswer {
  if (error instanceof SilentTarget) return { kind: 'silent' };
  const { message = '', code = null } = error as { message?: string; code?: string | null };
  if (/CERT|ERR_TLS|ERR_SSL|EPROTO|SIGNATURE/.test(code ?? '') || / SSL /.test(message))
    return { kind: 'encryption', code };
  return { kind: 'network', code };
}

/** Who was asked: the product as people write it, its address, and the encryption that was wanted. */
export interface Asked {
  readonly product: string;
  readonly place: string;
  readonly encryption?: string;
}

const parenthesis = (code: string | null): string => (code === null ? '' : ` (${code})`);

/** What kept an administrative session from being opened. Nothing was changed. */
export function sayingOfNoAnswer(failure: NoAnswer, { product, place, encryption }: Asked): Saying {
  switch (failure.kind) {
    case 'silent':
      return {
        code: 'target_silent',
        kind: 'unavailable',
        message: `${place} took the connection or the question and did not answer in time.`,
        remedy: 'Look whether the target is overloaded or stuck, and whether a firewall drops packets on the way.',
      };
    case 'network':
      return {
        code: 'target_unreachable',
        kind: 'unavailable',
        message: `There is no connection to ${place}${parenthesis(failure.code)}.`,
        remedy: 'Check host and port, that the server runs, and that the network lets dsops through.',
      };
    case 'encryption':
      return {
        code: 'target_encryption',
        kind: 'conflict',
        message: `No encrypted connection to ${place}${encryption === undefined ? '' : ` with ${encryption}`}${parenthesis(failure.code)}.`,
        remedy:
          'Check that the server offers encryption, with a certificate for this host name from an authority known here: --ssl-root-cert names a private one.',
      };
    case 'untrusted':
      return {
        code: 'target_untrusted',
        kind: 'conflict',
        message: `What answers at ${place} did not prove to be the ${product} server that dsops knows.`,
        remedy: 'Check host and port; if they are right, look for something between dsops and the server.',
      };
  }
}

/** What it says about a value that was tried: nothing. `who` is the login and where it was tried. */
export function judgeNoAnswer(failure: NoAnswer, who: string, product: string): Omit<Probe, 'durationMs'> {
  switch (failure.kind) {
    case 'silent':
      return { verdict: 'errored', note: `No answer in time for ${who}.` };
    case 'network':
      return { verdict: 'errored', note: `No connection for ${who}${parenthesis(failure.code)}.` };
    case 'encryption':
      return { verdict: 'errored', note: `No encrypted connection for ${who}.` };
    case 'untrusted':
      return { verdict: 'inconclusive', note: `What answered ${who} did not prove to be the ${product} server.` };
  }
}
