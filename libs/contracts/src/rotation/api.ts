import { z } from 'zod';
import { defineOperation } from '../define-operation.js';
import { instantQuery, pageOf, pageQuery } from '../page.js';
import { addressSchema as address } from './targets/define-target.js';
import { addServiceSchema, nameSchema } from './add-service.js';
import { ON_CONFLICT, rotationStateSchema } from './states.js';
import { strategySchema } from './strategies.js';
import {
  rollbackViewSchema,
  serviceViewSchema,
  rotationViewSchema,
  planViewSchema,
  serviceStatusSchema,
  findingSchema,
} from './views.js';

export {
  versionViewSchema,
  serviceViewSchema,
  stepViewSchema,
  rotationViewSchema,
  rollbackViewSchema,
  findingSchema,
  planViewSchema,
  serviceStatusSchema,
} from './views.js';
export type {
  ConsumersView,
  ServiceView,
  RotationView,
  RollbackView,
  Finding,
  PlanView,
  ServiceStatus,
} from './views.js';

const instant = z.iso.datetime();
const name = nameSchema;
const place = z.object({ environment: name, service: name });
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
    /** Consent: in place, whoever uses the old value loses it, also who is not seen. */
    acceptsBreaking: z.boolean().default(false),
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
  summary: 'Bring the previous version back; done only when a probe has shown it. What was queued is cancelled',
  params: place,
  body: z.strictObject({
    version: z.string().optional(),
    reason: z.string().min(1).max(500),
  }),
  response: rollbackViewSchema,
});

export const clearRotation = defineOperation({
  id: 'clearRotation',
  method: 'POST',
  path: '/environments/{environment}/services/{service}/clearances',
  service,
  tag,
  role: 'operator',
  status: 202,
  summary: 'A person who saw who uses a value says that it may end',
  params: place,
  body: z.strictObject({
    reason: z.string().min(1).max(500),
    /** `held.seen` of the rotation: refused when somebody else is seen since. */
    seen: z.string().max(100),
    /** Open check-outs hold it no longer either. */
    overrideCheckOuts: z.boolean().default(false),
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

export const abandonRotation = defineOperation({
  id: 'abandonRotation',
  method: 'POST',
  path: '/rotations/{rotationId}/abandon',
  service,
  tag,
  role: 'admin',
  status: 200,
  summary: 'Give up a rotation that cannot go on, as when its target is gone for ever; every value stays sealed',
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
    /** Does the value stay valid until then? False in one slot, where the next rotation ends it at once. */
    isHeld: z.boolean(),
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
