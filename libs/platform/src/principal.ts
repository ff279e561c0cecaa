import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { z } from 'zod';
import { actorSchema, roleSchema, ROLES, type Role } from '@dsops/contracts/principal';
import { DomainError } from '@dsops/kernel';

/** Who calls, as the gateway has found out. It travels between services in a header that only they can set. */
export const callerSchema = z.object({ actor: actorSchema, role: roleSchema });
export type Caller = z.infer<typeof callerSchema>;

export const CALLER_HEADER = 'dsops-caller';

export const encodeCaller = (caller: Caller): string => Buffer.from(JSON.stringify(caller)).toString('base64url');

function callerOf(request: Request): Caller {
  const stated = request.header(CALLER_HEADER);
  if (stated === undefined)
    throw new DomainError('caller_missing', 'unauthenticated', 'The request does not say who calls.', {
      remedy: 'Call through the gateway.',
    });
  return callerSchema.parse(JSON.parse(Buffer.from(stated, 'base64url').toString('utf8')));
}

/** Parameter decorator: the {@link Caller} of a request between services. */
export const CalledBy = createParamDecorator((_: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<Request>()),
);

/** Has this role the rights of the other one? */
export const includesRole = (has: Role, needs: Role): boolean => ROLES.indexOf(has) >= ROLES.indexOf(needs);
