import { z } from 'zod';
import { ERROR_SUBJECTS } from '@dsops/kernel';
import { actorSchema } from '../principal.js';
import { addressSchema as address } from './targets/define-target.js';
import { rotationStateSchema, verdictSchema } from './states.js';
import { consumersSchema } from './consumer-kinds.js';
import { strategySchema } from './strategies.js';

/** What the operations of rotation answer with. */
const instant = z.iso.datetime();

export const versionViewSchema = z.object({
  id: z.ulid(),
  name: z.string(),
  /** Where at the target it lives, and the login under which it is used there. */
  slot: z.string(),
  username: z.string(),
  label: z.enum(['PENDING', 'CURRENT', 'PREVIOUS']).nullable(),
  /** What dsops last proved about it at the target, null when it never tried. */
  verdict: verdictSchema.nullable(),
  createdAt: instant,
  endedAt: instant.nullable(),
});

export const serviceViewSchema = z.object({
  id: z.ulid(),
  name: z.string(),
  environment: z.string(),
  type: z.string(),
  target: address,
  /** Null where the credential changes itself. */
  adminUsername: z.string().nullable(),
  managedBy: z.enum(['file', 'api']),
  credential: z.object({
    id: z.ulid(),
    name: z.string(),
    strategy: strategySchema,
    /** What its kind has to know of it. */
    settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
    /** The names of its slots, the one in use first when it was added. */
    slots: z.array(z.string()),
    /** `unmanaged`: somebody may use it whom dsops does not see. */
    consumers: consumersSchema,
    gracePeriod: z.string(),
    maxGrace: z.string(),
    retire: z.object({ whenQuietFor: z.string().nullable() }),
  }),
  versions: z.array(versionViewSchema),
  createdAt: instant,
});
export type ServiceView = z.infer<typeof serviceViewSchema>;

/** Somebody who has a session at the target; what the target does not tell is null. */
export const consumerSchema = z.object({
  login: z.string(),
  address: z.string().nullable(),
  application: z.string().nullable(),
  since: instant.nullable(),
});
export const consumersViewSchema = z.object({
  /** Of the last look. */
  sessions: z.array(consumerSchema),
  /** Null when nobody could look yet. */
  lookedAt: instant.nullable(),
  /** Since when no look has seen anybody. */
  quietSince: instant.nullable(),
  /** Whom looking does not show. */
  blindSpots: z.array(z.string()),
});
export type ConsumersView = z.infer<typeof consumersViewSchema>;

/** What keeps a value alive whose end is next. */
export const heldViewSchema = z.object({
  version: z.string(),
  login: z.string(),
  /** Null where nothing has to show that nobody uses it, or a person has said so. */
  consumers: consumersViewSchema.nullable(),
  /** Ids of check-outs. */
  checkOuts: z.array(z.string()),
  /** Given back when it is cleared: refused when somebody else is seen by then. */
  seen: z.string(),
});

export const stepViewSchema = z.object({
  name: z.string(),
  /** `done`, `skipped`, or how the step ended, such as `accepted` or `refused`. */
  outcome: z.string(),
  startedAt: instant,
  durationMs: z.number(),
  note: z.string().nullable(),
});

export const rotationViewSchema = z.object({
  id: z.ulid(),
  serviceId: z.ulid(),
  service: z.string(),
  environment: z.string(),
  credentialId: z.ulid(),
  credential: z.string(),
  strategy: strategySchema,
  state: rotationStateSchema,
  requestedBy: actorSchema,
  reason: z.string().nullable(),
  previousVersion: z.string().nullable(),
  newVersion: z.string().nullable(),
  /** Why it stopped, for every state but the good ones. */
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      remedy: z.string().nullable(),
      /** Set when it is about something outside dsops, as a problem says it. */
      about: z.enum(ERROR_SUBJECTS).nullable(),
    })
    .nullable(),
  /** What the target answers to each version, as of the last probe. */
  known: z.record(z.string(), verdictSchema),
  /** When dsops looks again by itself: the end of a grace period, the next probe. */
  wakeAt: instant.nullable(),
  /** What it waits for before it ends the old value, and until when at the latest; of a queued one, the one before it. */
  waitsFor: z.object({ reason: z.string(), until: instant }).nullable(),
  /** Who keeps the value alive that it waits to end. */
  held: heldViewSchema.nullable(),
  /** Ids of open check-outs of the new version while it is CURRENT: rolled back, it stays valid for them. */
  newVersionCheckOuts: z.array(z.string()),
  /** The rotation before whose end this one does not begin; null when it has begun, or never will. */
  queuedBehind: z.object({ id: z.ulid(), state: rotationStateSchema }).nullable(),
  /** What people asked of it after it had begun, in order: who, why, when. */
  told: z.array(
    z.object({ kind: z.enum(['rollback', 'resume', 'clear']), actor: actorSchema, reason: z.string(), at: instant }),
  ),
  startedAt: instant,
  endedAt: instant.nullable(),
  durationMs: z.number(),
  steps: z.array(stepViewSchema),
});
export type RotationView = z.infer<typeof rotationViewSchema>;

/** A rotation that was asked to go back, and what was queued behind it: that would have undone the rollback. */
export const rollbackViewSchema = rotationViewSchema.extend({
  cancelled: z.array(z.object({ id: z.ulid(), requestedBy: actorSchema, reason: z.string().nullable() })),
});
export type RollbackView = z.infer<typeof rollbackViewSchema>;

export const findingSchema = z.object({
  check: z.string(),
  level: z.enum(['ok', 'warning', 'error']),
  message: z.string(),
  remedy: z.string().nullable(),
});
export type Finding = z.infer<typeof findingSchema>;

export const planViewSchema = z.object({
  service: z.string(),
  environment: z.string(),
  strategy: strategySchema,
  currentVersion: z.string().nullable(),
  /** The login that receives the new password, and the one that keeps the old one until it is retired. */
  targetSlot: z.string(),
  retiredSlot: z.string().nullable(),
  steps: z.array(z.object({ name: z.string(), description: z.string() })),
  findings: z.array(findingSchema),
  /** Who holds a checked-out value now, and open sessions of the old login. */
  blastRadius: z.object({
    checkOuts: z.int(),
    sessions: z.int().nullable(),
    /** Who uses the value that ends, where not all consumers are managed. */
    consumers: consumersViewSchema.nullable(),
  }),
  /** It ends a value that somebody may use whom dsops does not see: applying wants `acceptsBreaking`. */
  isBreaking: z.boolean(),
  isReversible: z.boolean(),
  canApply: z.boolean(),
  /** Given back when applying: apply refuses when what was planned has drifted. */
  digest: z.string(),
});
export type PlanView = z.infer<typeof planViewSchema>;

export const serviceStatusSchema = z.object({
  service_name: z.string(),
  environment: z.string(),
  status: z.enum(['active', 'rotating', 'failed', 'never_rotated', 'needs_operator']),
  last_rotation: instant.nullable(),
  next_rotation: instant.nullable(),
  last_result: z.string().nullable(),
  last_error: z.string().nullable(),
  rotation_count: z.int(),
  success_count: z.int(),
  failure_count: z.int(),
  current_version: z.string().nullable(),
  /** What the latest rotation waits for before it ends a value, and who was seen to use that. */
  waits_for: z.object({ reason: z.string(), until: instant, consumers: consumersViewSchema.nullable() }).nullable(),
  /** What the target accepts now, as of the last probe of each version. */
  target: z.record(z.string(), verdictSchema),
});
export type ServiceStatus = z.infer<typeof serviceStatusSchema>;
