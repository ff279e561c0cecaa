import type { Operation, ResponseOf } from '@dsops/contracts/define-operation';
import { errorOf, problemSchema } from '@dsops/contracts/problem';
import { DomainError } from '@dsops/kernel';

/** An answer that is not a success, as an error of the domain: the server's own words when it said any. */
export function problemIn(url: string, { status, text }: { status: number; text: string }): DomainError {
  const parsed = problemSchema.safeParse(jsonIn(text));
  return parsed.success ? errorOf(parsed.data) : unexpectedAnswer(url, status);
}

/**
 * The answer of an operation, checked.
 * @throws DomainError `answer_unexpected` when it is no JSON, `answer_not_understood` when it breaks the contract
 */
export function answerIn<O extends Operation>(url: string, operation: O, text: string): ResponseOf<O> {
  const json = jsonIn(text);
  if (json === undefined) throw unexpectedAnswer(url, operation.status);
  const parsed = operation.response.safeParse(json);
  if (parsed.success) return parsed.data as ResponseOf<O>;
  const where = parsed.error.issues[0]?.path.join('.') || 'its whole';
  throw new DomainError(
    'answer_not_understood',
    'internal',
    `This client does not understand the server's answer to ${operation.id}, in ${where}.`,
    { remedy: 'Use a client of the same release as the server.' },
  );
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const unexpectedAnswer = (url: string, status: number): DomainError =>
  new DomainError(
    'answer_unexpected',
    // A proxy says so while the server restarts.
    status >= 500 ? 'unavailable' : 'internal',
    `What answers at ${url} does not speak as dsops does (HTTP status ${status}).`,
    { remedy: 'Check the address; something between you and dsops may have answered in its place.' },
  );
