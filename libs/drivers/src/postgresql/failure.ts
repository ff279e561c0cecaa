import pg from 'pg';
import { SilentTarget } from './wire.js';

/**
 * What went wrong on a connection, without any text that the server sent: such a text may hold a statement, and with it
 * a secret. What is kept is not translated and does not change with the server's language, except `isPlainError`.
 */
export type Failure =
  | {
      readonly kind: 'answer';
      /** The five characters of PostgreSQL's appendix "Error Codes". */
      readonly sqlState: string;
      /** The function in the server's source that said it; null when a pooler or another product answered. */
      readonly routine: string | null;
      /** Severity ERROR: the transaction was rolled back, and the session lives. Known only of servers that speak English. */
      readonly isPlainError: boolean;
    }
  | { readonly kind: 'silent' }
  /** The socket: refused, reset, unknown host. `code` as Node has it; null when the connection simply ended. */
  | { readonly kind: 'network'; readonly code: string | null }
  /** Encryption was refused, or the certificate is not to be trusted. */
  | { readonly kind: 'encryption'; readonly code: string | null }
  /** The server could not prove during SCRAM that it knows the password, or speaks another protocol. */
  | { readonly kind: 'untrusted' };

export function failureOf(error: unknown): Failure {
  if (error instanceof SilentTarget) return { kind: 'silent' };
  if (error instanceof pg.DatabaseError) {
    if (error.code === undefined) return { kind: 'untrusted' };
    return {
      kind: 'answer',
      sqlState: error.code,
      routine: error.routine ?? null,
      isPlainError: error.severity === 'ERROR',
    };
  }
  // By shape: Node's own errors may come from another realm than ours.
  const { message = '', code = null } = error as { message?: string; code?: string | null };
  if (message.startsWith('SASL')) return { kind: 'untrusted' };
  if (/CERT|ERR_TLS|ERR_SSL|EPROTO|SIGNATURE/.test(code ?? '') || / SSL /.test(message))
    return { kind: 'encryption', code };
  return { kind: 'network', code };
}
