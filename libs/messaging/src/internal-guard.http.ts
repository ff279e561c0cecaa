import { timingSafeEqual } from 'node:crypto';
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { DomainError, unwrapSecret } from '@dsops/kernel';
import { TOKEN_HEADER } from '@dsops/platform';
import { MessagingRuntime } from './messaging-runtime.service.js';

/**
 * Keeps the internal routes to the services. A service's own port asks for the token already; where the public reaches
 * the same port, which is the gateway's, this asks for it.
 */
@Injectable()
export class InternalGuard implements CanActivate {
  constructor(private readonly runtime: MessagingRuntime) {}

  canActivate(context: ExecutionContext): boolean {
    const token = this.runtime.internalToken;
    if (token === undefined) return true;
    const expected = Buffer.from(unwrapSecret(token));
    const given = Buffer.from(context.switchToHttp().getRequest<Request>().header(TOKEN_HEADER) ?? '');
    if (given.length === expected.length && timingSafeEqual(given, expected)) return true;
    throw new DomainError('path_unknown', 'not_found', 'There is nothing at this path.', {
      remedy: 'See /api/v1/openapi.json.',
    });
  }
}
