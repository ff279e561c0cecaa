import { problemSchema } from '@dsops/contracts/problem';
import { DomainError } from '@dsops/kernel';

/** An answer that is not a success, as an error of the domain: the server's own words when it said any. */
export function problemOf(url: string, status: number, text: string): DomainError {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return unexpectedAnswer(url, status);
  }
  const parsed = problemSchema.safeParse(json);
  if (!parsed.success) return unexpectedAnswer(url, status);
  const { type: _type, title: _title, detail, code, kind, remedy, ...facts } = parsed.data;
  return new DomainError(code, kind, detail, remedy === undefined ? facts : { ...facts, remedy });
}

export const unexpectedAnswer = (url: string, status: number): DomainError =>
  new DomainError(
    'cli_unexpected_answer',
    // A proxy says so while the server restarts.
    status >= 500 ? 'unavailable' : 'internal',
    `What answers at ${url} does not speak as dsops does (HTTP status ${status}).`,
    { remedy: 'Check the address; something between you and dsops may have answered in its place.' },
  );
