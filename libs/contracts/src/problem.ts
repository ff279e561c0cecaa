import { z } from 'zod';
import { ERROR_KINDS, type ErrorKind } from '@dsops/kernel';

/** RFC 9457 problem details, with the code and kind of our errors. `remedy` says what to do next. */
export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  kind: z.enum(ERROR_KINDS),
  remedy: z.string().optional(),
  requestId: z.string().optional(),
  /** Each fault of an invalid request: where, and what is wrong there. */
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

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
