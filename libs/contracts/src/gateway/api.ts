import { z } from 'zod';
import { defineOperation } from '../define-operation.js';
import { pageOf, pageQuery } from '../page.js';
import { roleSchema } from '../principal.js';
import { SERVICES } from '../service-names.js';

const service = 'gateway';
const instant = z.iso.datetime();

export const deadLetterStatusSchema = z.enum(['open', 'replayed', 'dropped']);

export const deadLetterViewSchema = z.object({
  id: z.ulid(),
  /** The service whose consumer could not handle it. */
  owner: z.enum(SERVICES),
  consumer: z.string(),
  status: deadLetterStatusSchema,
  blocksKey: z.boolean(),
  reason: z.string(),
  /** Who gave it up and why; null unless it was dropped. */
  note: z.string().nullable(),
  attempts: z.int(),
  type: z.string(),
  topic: z.string(),
  key: z.string(),
  sequence: z.string(),
  eventId: z.string(),
  at: instant,
  /** When it will be removed; null while it blocks its key, which it does until it is settled. */
  keptUntil: instant.nullable(),
});
export type DeadLetterView = z.infer<typeof deadLetterViewSchema>;
/** A letter with its event; `event` has passed no contract, so nothing is said about its shape. */
export const deadLetterSchema = deadLetterViewSchema.extend({ event: z.unknown() });

export const apiKeyViewSchema = z.object({
  id: z.ulid(),
  name: z.string(),
  role: roleSchema,
  /** Notifications lie in an inbox of its own. */
  hasInbox: z.boolean(),
  createdAt: instant,
  lastUsedAt: instant.nullable(),
  revokedAt: instant.nullable(),
});

export const getSystem = defineOperation({
  id: 'getSystem',
  method: 'GET',
  path: '/system',
  service,
  tag: 'system',
  role: 'viewer',
  status: 200,
  summary: 'What runs here: version, API version, the oldest CLI that it serves',
  response: z.object({ version: z.string(), apiVersion: z.int(), oldestClient: z.string(), startedAt: instant }),
});

export const findingLevelSchema = z.enum(['ok', 'warning', 'error']);

export const getFindings = defineOperation({
  id: 'getFindings',
  method: 'GET',
  path: '/system/findings',
  service,
  tag: 'system',
  role: 'viewer',
  status: 200,
  summary: 'What is wrong with what dsops stands on: its database, disk, events; empty when all is well',
  response: z.object({
    findings: z.array(
      z.object({
        service: z.enum(SERVICES),
        /** What was looked at, such as `database`. */
        check: z.string(),
        /** `error`: the service is not ready for it. */
        level: findingLevelSchema,
        code: z.string().nullable(),
        message: z.string(),
        remedy: z.string().nullable(),
      }),
    ),
  }),
});

export const listDeadLetters = defineOperation({
  id: 'listDeadLetters',
  method: 'GET',
  path: '/dead-letters',
  service,
  tag: 'dead letters',
  role: 'operator',
  status: 200,
  summary: 'Events that a consumer gave up on, of all services',
  query: z.strictObject({
    owner: z.enum(SERVICES).optional(),
    status: deadLetterStatusSchema.default('open'),
    /** Only of this consumer, type, topic or key. */
    consumer: z.string().min(1).optional(),
    type: z.string().min(1).optional(),
    topic: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
    ...pageQuery,
  }),
  response: pageOf(deadLetterViewSchema),
});

export const getDeadLetter = defineOperation({
  id: 'getDeadLetter',
  method: 'GET',
  path: '/dead-letters/{owner}/{letterId}',
  service,
  tag: 'dead letters',
  role: 'operator',
  status: 200,
  summary: 'One dead letter with its event',
  params: z.object({ owner: z.enum(SERVICES), letterId: z.ulid() }),
  response: deadLetterSchema,
});

export const replayDeadLetter = defineOperation({
  id: 'replayDeadLetter',
  method: 'POST',
  path: '/dead-letters/{owner}/{letterId}/replay',
  service,
  tag: 'dead letters',
  role: 'admin',
  status: 200,
  summary: 'Try it again now; what waited behind it follows',
  params: z.object({ owner: z.enum(SERVICES), letterId: z.ulid() }),
  response: deadLetterViewSchema,
});

export const dropDeadLetter = defineOperation({
  id: 'dropDeadLetter',
  method: 'POST',
  path: '/dead-letters/{owner}/{letterId}/drop',
  service,
  tag: 'dead letters',
  role: 'admin',
  status: 200,
  summary: 'Give it up: its event is never applied here, and what waited behind it follows',
  params: z.object({ owner: z.enum(SERVICES), letterId: z.ulid() }),
  body: z.strictObject({ reason: z.string().trim().min(1).max(500) }),
  response: deadLetterViewSchema,
});

export const createApiKey = defineOperation({
  id: 'createApiKey',
  method: 'POST',
  path: '/api-keys',
  service,
  tag: 'access',
  role: 'admin',
  status: 201,
  summary: 'Make an API key. Its value is shown once',
  body: z.strictObject({
    name: z.string().min(1).max(63),
    role: roleSchema,
    /** It gets an inbox of its own: for people. Each notice is delivered to every inbox, and stands in the audit log. */
    inbox: z.boolean().default(false),
  }),
  response: apiKeyViewSchema.extend({ key: z.string() }),
});

export const listApiKeys = defineOperation({
  id: 'listApiKeys',
  method: 'GET',
  path: '/api-keys',
  service,
  tag: 'access',
  role: 'admin',
  status: 200,
  summary: 'API keys, without their values, newest first',
  query: z.strictObject(pageQuery),
  response: pageOf(apiKeyViewSchema),
});

export const revokeApiKey = defineOperation({
  id: 'revokeApiKey',
  method: 'DELETE',
  path: '/api-keys/{keyId}',
  service,
  tag: 'access',
  role: 'admin',
  status: 200,
  summary: 'Refuse this key from now on',
  params: z.object({ keyId: z.ulid() }),
  response: z.object({ revoked: z.literal(true) }),
});
