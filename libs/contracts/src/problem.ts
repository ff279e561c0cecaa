import { z } from 'zod';
import { DomainError, ERROR_KINDS, ERROR_SUBJECTS, type ErrorKind } from '@dsops/kernel';

/** RFC 9457 problem details, with the code and kind of our errors. `remedy` says what to do next. */
export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  kind: z.enum(ERROR_KINDS),
  /** Present when it is about something outside dsops, whatever its kind is. */
  about: z.enum(ERROR_SUBJECTS).optional(),
  remedy: z.string().optional(),
  requestId: z.string().optional(),
  /** Each fault of an invalid request: where, and what is wrong there. */
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

/** What a problem tells, as the error that it was before it travelled; facts of its own come along. */
export function errorOf({ type: _type, title: _title, detail, code, kind, ...facts }: Problem): DomainError {
  const known = Object.entries(facts).filter(([, fact]) => fact !== undefined);
  return new DomainError(code, kind, detail, Object.fromEntries(known));
}

export const HTTP_STATUS: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  refused: 422,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
};
