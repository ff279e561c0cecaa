import type { z } from 'zod';
import type { AuditEntry, verifyAudit } from '@dsops/contracts/audit/api';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import type { apiKeyViewSchema, DeadLetterView } from '@dsops/contracts/gateway/api';
import type { NotificationView } from '@dsops/contracts/notification/api';
import type {
  checkOut,
  PlanView,
  RotationView,
  ServiceStatus,
  ServiceView,
  versionViewSchema,
} from '@dsops/contracts/rotation/api';

type VersionView = z.infer<typeof versionViewSchema>;

export const SERVICE_ID = '01JD0000000000000000000002';
export const ROTATION_ID = '01JD0000000000000000000003';
export const CREDENTIAL_ID = '01JD0000000000000000000004';
export const OLD_VERSION = '2026-10-21-1430-def456';
export const NEW_VERSION = '2026-11-21-1430-abc123';

export const aVersion = (over: Partial<VersionView> = {}): VersionView => ({
  id: '01JD0000000000000000000005',
  name: NEW_VERSION,
  slot: 'payments_a',
  username: 'payments_a',
  label: 'CURRENT',
  verdict: 'accepted',
  createdAt: '2026-11-20T14:30:00.000Z',
  endedAt: null,
  ...over,
});

export const aService = (over: Partial<ServiceView> = {}): ServiceView => ({
  id: SERVICE_ID,
  name: 'payments-db',
  environment: 'production',
  type: 'postgresql',
  target: { host: 'db.example.com', port: 5432, database: 'payments', sslMode: 'disable' },
  adminUsername: 'dsops_admin',
  managedBy: 'api',
  credential: {
    id: CREDENTIAL_ID,
    name: 'login',
    strategy: 'two-key',
    slots: ['payments_a', 'payments_b'],
    settings: { slots: ['payments_a', 'payments_b'], owner: 'payments' },
    consumers: 'managed',
    gracePeriod: '0s',
    maxGrace: '7d',
    retire: { whenQuietFor: null },
  },
  versions: [
    aVersion(),
    aVersion({ id: '01JD0000000000000000000006', name: OLD_VERSION, username: 'payments_b', label: 'PREVIOUS' }),
  ],
  createdAt: '2026-11-01T10:00:00.000Z',
  ...over,
});

export const aStep = (over: Partial<RotationView['steps'][number]> = {}): RotationView['steps'][number] => ({
  name: 'probe-new',
  outcome: 'accepted',
  startedAt: '2026-11-21T14:29:58.000Z',
  durationMs: 12,
  note: null,
  ...over,
});

/** A rotation's journal, in short. */
export const steps = [
  aStep({ name: 'plan', outcome: 'done', durationMs: 4 }),
  aStep({ name: 'set', outcome: 'done', durationMs: 31 }),
  aStep(),
  aStep({ name: 'probe-old-refused', outcome: 'refused', durationMs: 9 }),
];

export const aRotation = (over: Partial<RotationView> = {}): RotationView => ({
  id: ROTATION_ID,
  serviceId: SERVICE_ID,
  service: 'payments-db',
  environment: 'production',
  credentialId: CREDENTIAL_ID,
  credential: 'login',
  strategy: 'two-key',
  state: 'completed',
  requestedBy: { kind: 'api_key', id: '01JD0000000000000000000001', name: 'admin' },
  reason: null,
  previousVersion: OLD_VERSION,
  newVersion: NEW_VERSION,
  error: null,
  known: { [NEW_VERSION]: 'accepted', [OLD_VERSION]: 'refused' },
  wakeAt: null,
  waitsFor: null,
  held: null,
  newVersionCheckOuts: [],
  queuedBehind: null,
  told: [],
  startedAt: '2026-11-21T14:29:55.000Z',
  endedAt: '2026-11-21T14:29:59.000Z',
  durationMs: 4_200,
  steps: [],
  ...over,
});

export const aStatus = (over: Partial<ServiceStatus> = {}): ServiceStatus => ({
  service_name: 'payments-db',
  environment: 'production',
  status: 'active',
  last_rotation: '2026-11-21T14:25:00.000Z',
  next_rotation: null,
  last_result: 'completed',
  last_error: null,
  rotation_count: 3,
  success_count: 3,
  failure_count: 0,
  current_version: NEW_VERSION,
  waits_for: null,
  target: { [NEW_VERSION]: 'accepted' },
  ...over,
});

export const aPlan = (over: Partial<PlanView> = {}): PlanView => ({
  service: 'payments-db',
  environment: 'production',
  strategy: 'two-key',
  currentVersion: NEW_VERSION,
  targetSlot: 'payments_b',
  retiredSlot: 'payments_a',
  steps: [
    { name: 'set', description: 'give payments_b a new password' },
    { name: 'probe-new', description: 'log in with it' },
  ],
  findings: [
    { check: 'rights', level: 'ok', message: 'dsops_admin may change both logins', remedy: null },
    {
      check: 'connection_limit',
      level: 'warning',
      message: 'only 2 of 10 connections are free',
      remedy: 'Raise the limit.',
    },
  ],
  blastRadius: { checkOuts: 2, sessions: 1, consumers: null },
  isBreaking: false,
  isReversible: true,
  canApply: true,
  digest: 'abc123',
  ...over,
});

export const aCheckOut = (over: Partial<ResponseOf<typeof checkOut>> = {}): ResponseOf<typeof checkOut> => ({
  id: '01JD0000000000000000000007',
  user: 'payments_a',
  password: 'canary-password',
  target: { host: 'db.example.com', port: 5432, database: 'payments', sslMode: 'disable' },
  version: NEW_VERSION,
  expiresAt: '2026-11-21T15:30:00.000Z',
  isHeld: true,
  ...over,
});

export const aNotification = (over: Partial<NotificationView> = {}): NotificationView => ({
  id: '01JD0000000000000000000009',
  kind: 'completed',
  title: 'Rotation of payments-db completed',
  body: 'The new password is in use.',
  priority: 'normal',
  entity: { kind: 'rotation', id: ROTATION_ID },
  place: { environment: 'production', service: 'payments-db' },
  nextSteps: [],
  createdAt: '2026-11-21T14:25:00.000Z',
  readAt: null,
  ...over,
});

export const anAuditEntry = (): AuditEntry => ({
  position: 7,
  eventId: '01JD000000000000000000000A',
  at: '2026-11-21T14:25:00.000Z',
  actor: { kind: 'api_key', id: '01JD0000000000000000000001', name: 'admin' },
  action: 'rotation.rotation.completed',
  entity: { kind: 'rotation', id: 'r1' },
  details: { service: 'payments-db', environment: 'production' },
  hash: 'abc',
});

export const aDeadLetter = (): DeadLetterView => ({
  id: '01JD000000000000000000000B',
  owner: 'notification',
  consumer: 'notification',
  status: 'open',
  blocksKey: false,
  reason: 'The handler failed.',
  note: null,
  attempts: 4,
  type: 'dsops.rotation.rotation.completed.v1',
  topic: 'rotation-events',
  key: SERVICE_ID,
  sequence: '12',
  eventId: '01JD000000000000000000000A',
  at: '2026-11-21T14:25:00.000Z',
  keptUntil: '2026-12-21T14:25:00.000Z',
});

export const aKey = (over: Partial<z.infer<typeof apiKeyViewSchema>> = {}): z.infer<typeof apiKeyViewSchema> => ({
  id: '01JD0000000000000000000010',
  name: 'ci',
  role: 'operator',
  hasInbox: false,
  createdAt: '2026-11-01T10:00:00.000Z',
  lastUsedAt: null,
  revokedAt: null,
  ...over,
});

export const aChain = (over: Partial<ResponseOf<typeof verifyAudit>> = {}): ResponseOf<typeof verifyAudit> => ({
  entries: 12,
  head: 'abc',
  firstBroken: null,
  keptPosition: 12,
  missing: 0,
  isRewritten: false,
  beyond: 0,
  ...over,
});
