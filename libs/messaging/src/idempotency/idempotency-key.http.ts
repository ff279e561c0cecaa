import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { DomainError } from '@dsops/kernel';

const VISIBLE = /^[\x21-\x7e]{1,255}$/;

/** @throws DomainError `idempotency_key_missing`, `idempotency_key_invalid` */
export function readIdempotencyKey(header: string | undefined): string {
  const remedy =
    'Send Idempotency-Key with 1 to 255 visible characters, such as a new ULID, and the same one when you repeat the request.';
  if (header === undefined || header === '')
    throw new DomainError('idempotency_key_missing', 'invalid', 'The request has no Idempotency-Key.', { remedy });
  if (!VISIBLE.test(header))
    throw new DomainError(
      'idempotency_key_invalid',
      'invalid',
      'The Idempotency-Key is not of visible ASCII characters, 255 at most.',
      { remedy },
    );
  return header;
}

/** Parameter decorator: the Idempotency-Key of the request, checked. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext) =>
  readIdempotencyKey(context.switchToHttp().getRequest<Request>().header('idempotency-key')),
);
