import pg from 'pg';
import { noAnswerOf, type NoAnswer } from '../kit/no-answer.js';
import { AuthenticationDeclined, ForeignAnswer, type Asked } from './authentication.js';

/**
 * What went wrong on a connection, without any text that the server sent: such a text may hold a statement, and with it
 * a secret. What is kept is not translated and does not change with the server's language, except `isPlainError`.
 */
export type ConnectionFailure =
  | {
      readonly kind: 'answer';
      /** The five characters of PostgreSQL's appendix "Error Codes". */
      readonly sqlState: string;
      /** The function in the server's source that said it; null when a pooler or another product answered. */
      readonly routine: string | null;
      /** Severity ERROR: the transaction was rolled back, and the session lives. Known only of servers that speak English. */
      readonly isPlainError: boolean;
    }
  /** What answered asked for the password in a way that was not chosen; it got nothing. */
  | { readonly kind: 'declined'; readonly asked: Asked }
  | NoAnswer;

export function failureOf(error: unknown): ConnectionFailure {
  if (error instanceof ForeignAnswer) return { kind: 'untrusted' };
  if (error instanceof AuthenticationDeclined) return { kind: 'declined', asked: error.asked };
  if (error instanceof pg.DatabaseError) {
    if (error.code === undefined) return { kind: 'untrusted' };
    return {
      kind: 'answer',
      sqlState: error.code,
      routine: error.routine ?? null,
      isPlainError: error.severity === 'ERROR',
    };
  }
  if ((error as { message?: string }).message?.startsWith('SASL')) return { kind: 'untrusted' };
  return noAnswerOf(error);
}
