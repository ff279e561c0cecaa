import { z } from 'zod';
import { defineOperation } from '../define-operation.js';
import { instantQuery, pageOf, pageQuery } from '../page.js';
import { actorSchema } from '../principal.js';

export const auditEntrySchema = z.object({
  /** Place in the chain, from 1 without gaps. */
  position: z.int(),
  eventId: z.ulid(),
  at: z.iso.datetime(),
  actor: actorSchema,
  /** The event's type without `dsops.` and version, such as `rotation.rotation.completed`. */
  action: z.string(),
  entity: z.object({ kind: z.string(), id: z.string() }),
  details: z.record(z.string(), z.unknown()),
  /** SHA-256 over the previous entry's hash and this entry, in hex. */
  hash: z.string(),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;

const tag = 'audit';
const service = 'audit';
const filters = {
  actor: z.string().optional(),
  action: z.string().optional(),
  since: instantQuery.optional(),
  until: instantQuery.optional(),
  ...pageQuery,
};

export const listAudit = defineOperation({
  id: 'listAudit',
  method: 'GET',
  path: '/audit',
  service,
  tag,
  role: 'viewer',
  status: 200,
  summary: 'Who did what, newest first',
  query: z.strictObject({ entity: z.string().optional(), ...filters }),
  response: pageOf(auditEntrySchema),
});

export const listAuditOf = defineOperation({
  id: 'listAuditOf',
  method: 'GET',
  path: '/audit/{kind}/{entityId}',
  service,
  tag,
  role: 'viewer',
  status: 200,
  summary: 'The history of one entity, newest first',
  params: z.object({ kind: z.string(), entityId: z.string() }),
  query: z.strictObject(filters),
  response: pageOf(auditEntrySchema),
});

export const verifyAudit = defineOperation({
  id: 'verifyAudit',
  method: 'GET',
  path: '/audit-chain',
  service,
  tag,
  role: 'viewer',
  status: 200,
  summary: 'Recompute the chain: how many entries, its head, and the first place that does not fit',
  response: z.object({ entries: z.int(), head: z.string().nullable(), firstBroken: z.int().nullable() }),
});
