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
  summary: 'Recompute the chain, and compare its end with the head that is kept outside the database',
  response: z.object({
    entries: z.int(),
    /** Hash of the last entry in hex; null while there is none. */
    head: z.string().nullable(),
    /** The first place that does not fit, or is missing before the head that the database names. */
    firstBroken: z.int().nullable(),
    /** How far the log had come by the head that is kept outside the database; null where none is kept. */
    keptPosition: z.int().nullable(),
    /** Entries that the kept head knows of and the database does not: the end was cut off, or the database is a copy. */
    missing: z.int(),
    /** The entry at the kept position is another one than was there: the chain was computed anew. */
    isRewritten: z.boolean(),
    /** Rows behind the head that the database names: they did not come through dsops. */
    beyond: z.int(),
  }),
});
