import type { z } from 'zod';
import { DomainError } from '@dsops/kernel';
import { faultsOf } from '@dsops/platform';

/** @throws DomainError `request_invalid` with all faults, by path and without values */
export function parseRequest<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const read = schema.safeParse(value ?? {});
  if (read.success) return read.data;
  const errors = faultsOf(read.error);
  throw new DomainError('request_invalid', 'invalid', `${errors[0]?.path}: ${errors[0]?.message}`, { errors });
}
