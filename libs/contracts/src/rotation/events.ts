import { z } from 'zod';
import { defineEvent } from '../define-event.js';
import { actorSchema, systemActor, type Actor } from '../principal.js';
import { rotationStateSchema, verdictSchema } from './states.js';
import { strategySchema } from './strategies.js';

const topic = 'rotation-events';
const producer = 'rotation';
const key = 'service id';
const id = z.ulid();

const place = { serviceId: id, service: z.string(), environment: z.string() };
const rotation = { ...place, rotationId: id, credentialId: id, credential: z.string(), strategy: strategySchema };

const aKey: Actor = { kind: 'api_key', id: '01JD0000000000000000000001', name: 'admin' };
const aPlace = { serviceId: '01JD0000000000000000000002', service: 'payments-db', environment: 'production' };
const aRotation = {
  ...aPlace,
  rotationId: '01JD0000000000000000000003',
  credentialId: '01JD0000000000000000000004',
  credential: 'login',
  strategy: 'two-key' as const,
};

export const serviceAdded = defineEvent({
  type: 'dsops.rotation.service.added.v1',
  topic,
  producer,
  key,
  fields: { ...place, type: z.string(), credentialId: id, credential: z.string(), imported: z.boolean() },
  description: 'A service was added. `imported`: its present login was taken over without rotating it.',
  example: {
    ...aPlace,
    type: 'postgresql',
    credentialId: aRotation.credentialId,
    credential: 'login',
    imported: true,
    actor: aKey,
  },
});

export const serviceRemoved = defineEvent({
  type: 'dsops.rotation.service.removed.v1',
  topic,
  producer,
  key,
  fields: place,
  description: 'dsops no longer looks after this service. Its logins on the target are as they were.',
  example: { ...aPlace, actor: aKey },
});

export const administratorSet = defineEvent({
  type: 'dsops.rotation.service.administrator_set.v1',
  topic,
  producer,
  key,
  fields: { ...place, username: z.string() },
  description: 'The login that administers the target of this service was given anew, after the target had taken it.',
  example: { ...aPlace, username: 'dsops_admin', actor: aKey },
});

export const rotationStarted = defineEvent({
  type: 'dsops.rotation.rotation.started.v1',
  topic,
  producer,
  key,
  fields: { ...rotation, trigger: z.enum(['manual', 'schedule']), reason: z.string().optional() },
  description: 'A rotation was accepted and journalled; nothing on the target has changed yet.',
  example: { ...aRotation, trigger: 'manual', actor: aKey },
});

export const rotationQueued = defineEvent({
  type: 'dsops.rotation.rotation.queued.v1',
  topic,
  producer,
  key,
  fields: { ...rotation, behind: id, trigger: z.enum(['manual', 'schedule']), reason: z.string().optional() },
  description: 'A rotation was accepted and waits until the open one of its credential, `behind`, has ended.',
  example: { ...aRotation, behind: '01JD0000000000000000000008', trigger: 'manual', actor: aKey },
});

export const rotationProgressed = defineEvent({
  type: 'dsops.rotation.rotation.progressed.v1',
  topic,
  producer,
  key,
  fields: {
    ...rotation,
    state: rotationStateSchema,
    step: z.string(),
    outcome: z.string(),
    durationMs: z.number().nonnegative(),
    /** One sentence for a person, such as "the target refused the old password". */
    note: z.string().optional(),
  },
  description: 'One step of a rotation ended, with how long it took.',
  example: {
    ...aRotation,
    state: 'rotating',
    step: 'probe-new',
    outcome: 'accepted',
    durationMs: 12,
    actor: systemActor,
  },
});

export const versionPromoted = defineEvent({
  type: 'dsops.rotation.version.promoted.v1',
  topic,
  producer,
  key,
  fields: { ...rotation, versionId: id, version: z.string(), previousVersion: z.string().nullable() },
  description: 'CURRENT now names this version.',
  example: {
    ...aRotation,
    versionId: '01JD0000000000000000000005',
    version: '2026-11-21-1430-abc123',
    previousVersion: null,
    actor: systemActor,
  },
});

export const versionRetired = defineEvent({
  type: 'dsops.rotation.version.retired.v1',
  topic,
  producer,
  key,
  fields: { ...rotation, versionId: id, version: z.string() },
  description: 'The target refuses this version now, as a probe has shown.',
  example: {
    ...aRotation,
    versionId: '01JD0000000000000000000006',
    version: '2026-10-21-1430-def456',
    actor: systemActor,
  },
});

const ended = { ...rotation, durationMs: z.number().nonnegative(), version: z.string().nullable() };
const anEnd = { ...aRotation, durationMs: 840, version: '2026-11-21-1430-abc123', actor: systemActor };

export const rotationCompleted = defineEvent({
  type: 'dsops.rotation.rotation.completed.v1',
  topic,
  producer,
  key,
  fields: ended,
  description: 'The new value is CURRENT and accepted, the old one is refused; both were proven by a login.',
  example: anEnd,
});

export const rotationFailed = defineEvent({
  type: 'dsops.rotation.rotation.failed.v1',
  topic,
  producer,
  key,
  fields: {
    ...ended,
    code: z.string(),
    reason: z.string(),
    /** CURRENT before and after; null when there is none. */
    previousVersion: z.string().nullable().optional(),
  },
  description: 'The rotation ended and no value is another than before; what was CURRENT stays so.',
  example: { ...anEnd, version: null, code: 'target_refused', reason: 'The target refused the new password.' },
});

export const rotationRolledBack = defineEvent({
  type: 'dsops.rotation.rotation.rolled_back.v1',
  topic,
  producer,
  key,
  fields: { ...ended, trigger: z.enum(['automatic', 'manual']), reason: z.string() },
  description: 'The previous value is CURRENT again and the target accepts it, as a probe has shown.',
  example: { ...anEnd, trigger: 'automatic', reason: 'Verification with the new password failed.' },
});

export const rotationCancelled = defineEvent({
  type: 'dsops.rotation.rotation.cancelled.v1',
  topic,
  producer,
  key,
  fields: { ...rotation, requestedBy: actorSchema, reason: z.string() },
  description: 'A queued rotation was ended by the actor before it began. `requestedBy`: who had asked for it.',
  example: { ...aRotation, requestedBy: aKey, reason: 'Bo asked to go back: logins fail', actor: aKey },
});

export const rotationRollbackFailed = defineEvent({
  type: 'dsops.rotation.rotation.rollback_failed.v1',
  topic,
  producer,
  key,
  fields: { ...ended, reason: z.string(), accepted: z.array(z.string()) },
  description: 'The way back failed. `accepted` names the versions that the target accepts now.',
  example: { ...anEnd, reason: 'The target refused to restore the password.', accepted: ['2026-11-21-1430-abc123'] },
});

export const rotationNeedsOperator = defineEvent({
  type: 'dsops.rotation.rotation.needs_operator.v1',
  topic,
  producer,
  key,
  fields: { ...rotation, reason: z.string(), known: z.record(z.string(), verdictSchema) },
  description: 'dsops cannot know how to go on. `known` says for each version what the target answers now.',
  example: {
    ...aRotation,
    reason: 'The target does not answer.',
    known: { '2026-11-21-1430-abc123': 'errored' },
    actor: systemActor,
  },
});

export const rotationAbandoned = defineEvent({
  type: 'dsops.rotation.rotation.abandoned.v1',
  topic,
  producer,
  key,
  fields: { ...rotation, reason: z.string(), known: z.record(z.string(), verdictSchema) },
  description:
    'A person gave a rotation up that could not go on. Every value stays sealed; what the target accepts is unproven, ' +
    '`known` is what it answered last. The next rotation begins by finding out.',
  example: {
    ...aRotation,
    reason: 'The server is gone for ever.',
    known: { '2026-11-21-1430-abc123': 'errored' },
    actor: aKey,
  },
});

const consumer = z.object({
  login: z.string(),
  address: z.string().nullable(),
  application: z.string().nullable(),
  since: z.string().nullable(),
});

export const rotationEvidenceWanted = defineEvent({
  type: 'dsops.rotation.rotation.evidence_wanted.v1',
  topic,
  producer,
  key,
  fields: {
    ...rotation,
    version: z.string(),
    login: z.string(),
    consumers: z.array(consumer),
    blindSpots: z.array(z.string()),
  },
  description: 'A value waits for a word that nobody uses it any more. `consumers` were seen to use it.',
  example: {
    ...aRotation,
    version: '2026-10-21-1430-def456',
    login: 'payments_a',
    consumers: [
      { login: 'payments_a', address: '10.0.0.7', application: 'billing', since: '2026-11-20T08:00:00.000Z' },
    ],
    blindSpots: ['a session that begins and ends between two looks'],
    actor: systemActor,
  },
});

export const rotationCleared = defineEvent({
  type: 'dsops.rotation.rotation.cleared.v1',
  topic,
  producer,
  key,
  fields: {
    ...rotation,
    version: z.string(),
    reason: z.string(),
    consumers: z.array(z.string()),
    checkOuts: z.array(z.string()),
  },
  description: 'A person who saw these consumers said that a value may end. `checkOuts` do not hold it any longer.',
  example: {
    ...aRotation,
    version: '2026-10-21-1430-def456',
    reason: 'Billing has the new value.',
    consumers: ['payments_a (billing) from 10.0.0.7'],
    checkOuts: [],
    actor: aKey,
  },
});

export const checkOutGranted = defineEvent({
  type: 'dsops.rotation.check_out.granted.v1',
  topic,
  producer,
  key,
  fields: {
    ...place,
    credentialId: id,
    checkOutId: id,
    version: z.string(),
    expiresAt: z.iso.datetime(),
    purpose: z.string().optional(),
  },
  description: 'A value left the vault for this actor. The only event of the only exit.',
  example: {
    ...aPlace,
    credentialId: aRotation.credentialId,
    checkOutId: '01JD0000000000000000000007',
    version: '2026-11-21-1430-abc123',
    expiresAt: '2026-11-21T15:30:00.000Z',
    actor: aKey,
  },
});

export const checkOutReleased = defineEvent({
  type: 'dsops.rotation.check_out.released.v1',
  topic,
  producer,
  key,
  fields: { ...place, credentialId: id, checkOutId: id },
  description: 'Who held the value says that it is used no longer.',
  example: { ...aPlace, credentialId: aRotation.credentialId, checkOutId: '01JD0000000000000000000007', actor: aKey },
});

export const restoreConfirmed = defineEvent({
  type: 'dsops.rotation.installation.restore_confirmed.v1',
  topic,
  producer,
  key: 'the word "installation"',
  fields: { reason: z.string() },
  description:
    'A person confirmed that the former installation is off; mode `restored` has ended and the epoch was raised.',
  example: { reason: 'The old machine is gone.', actor: aKey },
});
