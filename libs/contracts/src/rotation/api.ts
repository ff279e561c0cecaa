import { z } from 'zod';
import { ERROR_SUBJECTS } from '@dsops/kernel';
import { defineOperation } from '../define-operation.js';
import { instantQuery, pageOf, pageQuery } from '../page.js';
import { actorSchema } from '../principal.js';
import { addressSchema as address } from './targets/define-target.js';
import { addServiceSchema, nameSchema } from './add-service.js';
import { ON_CONFLICT, rotationStateSchema, verdictSchema } from './states.js';
import { strategySchema } from './strategies.js';

const instant = z.iso.datetime();
const name = nameSchema;
const place = z.object({ environment: name, service: name });
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
    gracePeriod: z.string(),
  }),
  versions: z.array(versionViewSchema),
  createdAt: instant,
});
export type ServiceView = z.infer<typeof serviceViewSchema>;

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
  action: z.enum(['rotate', 'rollback']),
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
  /** What it waits for before it ends the old value, and until when at the latest. */
  waitsFor: z.object({ reason: z.string(), until: instant }).nullable(),
  startedAt: instant,
  endedAt: instant.nullable(),
  durationMs: z.number(),
  steps: z.array(stepViewSchema),
});
export type RotationView = z.infer<typeof rotationViewSchema>;

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
  blastRadius: z.object({ checkOuts: z.int(), sessions: z.int().nullable() }),
  isReversible: z.boolean(),
  canApply: z.boolean(),
  /** Given back when applying: apply refuses when what was planned has drifted. */
  digest: z.string(),
});
export type PlanView = z.infer<typeof planViewSchema>;

export const serviceStatusSchema = z.object({
  service_name: z.string(),
  environment: z.string(),
  status: z.enum(['active', 'rotating', 'failed', 'never_rotated', 'needs_rotation', 'needs_operator']),
  last_rotation: instant.nullable(),
  next_rotation: instant.nullable(),
  last_result: z.string().nullable(),
  last_error: z.string().nullable(),
  rotation_count: z.int(),
  success_count: z.int(),
  failure_count: z.int(),
  current_version: z.string().nullable(),
  /** What the target accepts now, as of the last probe of each version. */
  target: z.record(z.string(), verdictSchema),
});
export type ServiceStatus = z.infer<typeof serviceStatusSchema>;

const tag = 'rotation';
const service = 'rotation';

export const listServices = defineOperation({
  id: 'listServices',
  method: 'GET',
  path: '/services',
  service,
  tag,
  role: 'viewer',
  status: 200,
  summary: 'The services dsops looks after, by environment and name, each with its newest versions',
  query: z.strictObject({ environment: name.optional(), ...pageQuery }),
  response: pageOf(serviceViewSchema),
});

export const addService = defineOperation({
  id: 'addService',
  method: 'POST',
  path: '/services',
  service,
  tag,
  role: 'admin',
  status: 201,
  summary: 'Add a service; with `current`, take its login over without rotating it',
  body: addServiceSchema,
  response: serviceViewSchema,
});

export const getService = defineOperation({
  id: 'getService',
  method: 'GET',
  path: '/environments/{environment}/services/{service}',
  service,
  tag,
  role: 'viewer',
  status: 200,
  summary: 'One service with its versions',
  params: place,
  response: serviceViewSchema,
});

export const removeService = defineOperation({
  id: 'removeService',
  method: 'DELETE',
  path: '/environments/{environment}/services/{service}',
  service,
  tag,
  role: 'admin',
  status: 200,
  summary: 'Stop looking after a service; nothing on the target changes, sealed values are kept 30 days',
  params: place,
  response: z.object({ removed: z.literal(true) }),
});

export const setAdministrator = defineOperation({
  id: 'setAdministrator',
  method: 'PUT',
  path: '/environments/{environment}/services/{service}/administrator',
  service,
  tag,
  role: 'admin',
  status: 200,
  summary: 'Give the login that administers the target anew; it is tried there before it is kept',
  params: place,
  body: z.strictObject({
    /** Without it: the login that administers the target already. */
    username: z.string().min(1).max(255).optional(),
    password: z.string().min(1).max(1024).meta({ writeOnly: true }),
    /** Also for every other service of the same server that has had the same administrator. */
    forAll: z.boolean().default(false),
  }),
  response: z.object({
    username: z.string(),
    /** Whose administrator was set, the one of the path first. */
    services: z.array(place),
    /** Others of the same server with this administrator, which still have the password of before. */
    others: z.array(place),
    /** What a look at the target with this login found, without what is in order. */
    findings: z.array(findingSchema),
  }),
});

export const getStatus = defineOperation({
  id: 'getStatus',
  method: 'GET',
  path: '/status',
  service,
  tag,
  role: 'viewer',
  status: 200,
  summary: 'Where each service stands, by environment and name, and which value its target accepts',
  query: z.strictObject({ environment: name.optional(), service: name.optional(), ...pageQuery }),
  response: pageOf(serviceStatusSchema),
});

export const listEnvironments = defineOperation({
  id: 'listEnvironments',
  method: 'GET',
  path: '/environments',
  service,
  tag,
  role: 'viewer',
  status: 200,
  summary: 'The environments that have a service, by name',
  query: z.strictObject(pageQuery),
  response: pageOf(z.object({ name: z.string() })),
});

export const planRotation = defineOperation({
  id: 'planRotation',
  method: 'POST',
  path: '/environments/{environment}/services/{service}/plan',
  service,
  tag,
  role: 'operator',
  status: 200,
  summary: 'What a rotation would do now: rights, quota, blast radius, reversible or not. Changes nothing',
  params: place,
  body: z.strictObject({ strategy: strategySchema.optional() }),
  response: planViewSchema,
});

export const startRotation = defineOperation({
  id: 'startRotation',
  method: 'POST',
  path: '/environments/{environment}/services/{service}/rotations',
  service,
  tag,
  role: 'operator',
  status: 202,
  summary: 'Rotate; answers as soon as the rotation is journalled',
  params: place,
  body: z.strictObject({
    strategy: strategySchema.optional(),
    onConflict: z.enum(ON_CONFLICT).default('reject'),
    /** The digest of a plan: refused when the plan has drifted since. */
    plan: z.string().optional(),
    reason: z.string().max(500).optional(),
  }),
  response: rotationViewSchema,
});

export const rollBack = defineOperation({
  id: 'rollBack',
  method: 'POST',
  path: '/environments/{environment}/services/{service}/rollbacks',
  service,
  tag,
  role: 'operator',
  status: 202,
  summary: 'Bring the previous version back; done only when a probe has shown it',
  params: place,
  body: z.strictObject({
    version: z.string().optional(),
    reason: z.string().min(1).max(500),
  }),
  response: rotationViewSchema,
});

export const listRotations = defineOperation({
  id: 'listRotations',
  method: 'GET',
  path: '/rotations',
  service,
  tag,
  role: 'viewer',
  status: 200,
  summary: 'The history, newest first',
  query: z.strictObject({
    environment: name.optional(),
    service: name.optional(),
    state: rotationStateSchema.optional(),
    since: instantQuery.optional(),
    until: instantQuery.optional(),
    ...pageQuery,
  }),
  response: pageOf(rotationViewSchema),
});

export const getRotation = defineOperation({
  id: 'getRotation',
  method: 'GET',
  path: '/rotations/{rotationId}',
  service,
  tag,
  role: 'viewer',
  status: 200,
  summary: 'One rotation with its journal',
  params: z.object({ rotationId: z.ulid() }),
  response: rotationViewSchema,
});

export const resumeRotation = defineOperation({
  id: 'resumeRotation',
  method: 'POST',
  path: '/rotations/{rotationId}/resume',
  service,
  tag,
  role: 'operator',
  status: 202,
  summary: 'A person lets a rotation that needs an operator go on',
  params: z.object({ rotationId: z.ulid() }),
  body: z.strictObject({ reason: z.string().min(1).max(500) }),
  response: rotationViewSchema,
});

/** A check-out holds a value alive, so it ends by itself: after a day at most. */
export const LONGEST_CHECK_OUT_MS = 24 * 3_600_000;
export const SHORTEST_CHECK_OUT_MS = 1_000;

export const checkOut = defineOperation({
  id: 'checkOut',
  method: 'POST',
  path: '/environments/{environment}/services/{service}/check-outs',
  service,
  tag,
  role: 'operator',
  status: 201,
  summary: 'The value of CURRENT, for a limited time. The only way by which a secret leaves',
  params: place,
  body: z.strictObject({ ttl: z.string().default('1h'), purpose: z.string().max(200).optional() }),
  response: z.object({
    id: z.ulid(),
    user: z.string(),
    password: z.string(),
    /** The address that this version belongs to, with the fields of its kind. */
    target: address,
    version: z.string(),
    expiresAt: instant,
  }),
});

export const releaseCheckOut = defineOperation({
  id: 'releaseCheckOut',
  method: 'DELETE',
  path: '/check-outs/{checkOutId}',
  service,
  tag,
  role: 'operator',
  status: 200,
  summary: 'The value is used no longer',
  params: z.object({ checkOutId: z.ulid() }),
  response: z.object({ released: z.literal(true) }),
});

export const getInstallation = defineOperation({
  id: 'getInstallation',
  method: 'GET',
  path: '/installation',
  service,
  tag,
  role: 'viewer',
  status: 200,
  summary: 'Mode of this installation: `normal`, or `restored` after its database came back from a copy',
  response: z.object({
    mode: z.enum(['normal', 'restored']),
    since: instant.nullable(),
    reason: z.string().nullable(),
  }),
});

export const confirmRestore = defineOperation({
  id: 'confirmRestore',
  method: 'POST',
  path: '/installation/confirm-restore',
  service,
  tag,
  role: 'admin',
  status: 200,
  summary: 'Leave mode `restored`: a person confirms that the former installation is off',
  body: z.strictObject({ formerInstallationIsOff: z.literal(true), reason: z.string().min(1).max(500) }),
  response: z.object({ mode: z.literal('normal') }),
});
