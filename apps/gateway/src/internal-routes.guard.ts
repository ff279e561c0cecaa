import { timingSafeEqual } from 'node:crypto';
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { DomainError, unwrapSecret, type Secret } from '@dsops/kernel';
import { TOKEN_HEADER } from '@dsops/platform';
import { TOKEN } from '@dsops/service';

/**
 * The gateway's port is open to everybody, and the routes by which services talk to each other are mounted on it as on
 * every service. They are for who knows the services' token; to others they do not exist. The guard looks at the route
 * that was found, not at the path that was sent, so no spelling gets around it.
 */
@Injectable()
export class InternalRoutesGuard implements CanActivate {
  constructor(@Inject(TOKEN) private readonly token: Secret) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const route = (request.route as { path?: unknown } | undefined)?.path;
    if (isPublic(route) || this.isKnown(request.header(TOKEN_HEADER))) return true;
    throw new DomainError('path_unknown', 'not_found', 'There is nothing at this path.', {
      remedy: 'See /api/v1/openapi.json.',
    });
  }

  private isKnown(stated: string | undefined): boolean {
    if (stated === undefined) return false;
    const expected = Buffer.from(unwrapSecret(this.token));
    const given = Buffer.from(stated);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

/** What the gateway itself shows; everything else on this port was mounted for services. */
const isPublic = (route: unknown): boolean =>
  typeof route === 'string' && (route === '/' || route.startsWith('/api/') || route.startsWith('/health/'));
