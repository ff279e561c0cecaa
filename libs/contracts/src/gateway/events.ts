import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { actorSchema, roleSchema, type Actor } from '../principal.js';

const topic = 'access-events';
const producer = 'gateway';
const key = 'principal id';

const admin: Actor = { kind: 'api_key', id: '01JD0000000000000000000001', name: 'admin' };

export const principalCreated = defineEvent({
  type: 'dsops.gateway.principal.created.v1',
  topic,
  producer,
  key,
  fields: {
    principal: actorSchema,
    role: roleSchema,
    /** Does it get an inbox? Absent in what earlier releases said: then it does. */
    hasInbox: z.boolean().optional(),
  },
  description: 'Someone or something may use the API from now on.',
  example: { principal: admin, role: 'admin', hasInbox: true, actor: admin },
});

export const principalRevoked = defineEvent({
  type: 'dsops.gateway.principal.revoked.v1',
  topic,
  producer,
  key,
  fields: { principal: actorSchema },
  description: 'This principal is refused from now on.',
  example: { principal: admin, actor: admin },
});

export const requestMade = defineEvent({
  type: 'dsops.gateway.request.made.v1',
  topic,
  producer,
  key,
  fields: {
    requestId: z.ulid(),
    operation: z.string(),
    method: z.string(),
    path: z.string(),
    /** The HTTP status of the answer; 0 when nobody knows it, because the process ended before it was recorded. */
    status: z.int(),
    durationMs: z.number().nonnegative(),
    /** The problem's code when the answer was one. */
    code: z.string().optional(),
  },
  description: 'A request that may change something was answered, or was refused. Bodies are never part of it.',
  example: {
    requestId: '01JD0000000000000000000008',
    operation: 'startRotation',
    method: 'POST',
    path: '/api/v1/environments/production/services/payments-db/rotations',
    status: 202,
    durationMs: 18,
    actor: admin,
  },
});
