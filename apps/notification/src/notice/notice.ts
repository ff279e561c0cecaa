import type { EventData, EventDefinition } from '@dsops/contracts/define-event';
import type { Actor } from '@dsops/contracts/principal';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import {
  rotationCompleted,
  rotationFailed,
  rotationNeedsOperator,
  rotationRollbackFailed,
  rotationRolledBack,
  rotationStarted,
} from '@dsops/contracts/rotation/events';
import type { ProbeVerdict } from '@dsops/contracts/rotation/states';
import { formatDuration } from '@dsops/kernel';

export const NOTICE_KINDS = ['started', 'completed', 'failed', 'rollback', 'needs_operator'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** What is told about one event, the same to everybody: plain text, a sentence or more per line. */
export interface Notice {
  readonly eventId: string;
  readonly kind: NoticeKind;
  readonly title: string;
  readonly body: string;
  /** `high` where a credential waits for a person. */
  readonly priority: 'normal' | 'high';
  readonly entity: { readonly kind: string; readonly id: string };
  readonly happenedAt: Date;
}

type Wording = Pick<Notice, 'kind' | 'title' | 'body' | 'priority'>;
type Template<D extends EventDefinition> = (data: EventData<D>) => Wording;

const started: Template<typeof rotationStarted> = (data) => ({
  kind: 'started',
  priority: 'normal',
  title: `Rotation of ${placeOf(data)} started`,
  body: lines(
    `${byWhom('Started', data.actor)}, with the strategy ${data.strategy}.`,
    data.reason && `Reason: ${sentence(data.reason)}`,
    `Follow it: dsops rotation show ${data.rotationId} --watch`,
  ),
});

const completed: Template<typeof rotationCompleted> = (data) => ({
  kind: 'completed',
  priority: 'normal',
  title: `Rotation of ${placeOf(data)} completed`,
  body: lines(
    `${newVersion(data.version)} is in use: the target accepts it and refuses the old one.`,
    `It took ${formatDuration(data.durationMs)}.${requester(data.actor)}`,
    `See each step: dsops rotation show ${data.rotationId}`,
  ),
});

const failed: Template<typeof rotationFailed> = (data) => ({
  kind: 'failed',
  priority: 'normal',
  title: `Rotation of ${placeOf(data)} failed`,
  body: lines(
    sentence(data.reason),
    `The previous version stays in use.${data.version === null ? '' : ` Version ${data.version} was given up.`}${requester(data.actor)}`,
    `See what happened: dsops rotation show ${data.rotationId}`,
    `Then try again: dsops rotation rotate ${addressOf(data)}`,
  ),
});

const rolledBack: Template<typeof rotationRolledBack> = (data) => ({
  kind: 'rollback',
  priority: 'normal',
  title: `Rotation of ${placeOf(data)} was rolled back`,
  body: lines(
    `Reason: ${sentence(data.reason)}`,
    `The previous version is in use again and the target accepts it. ${newVersion(data.version)} was withdrawn.`,
    data.trigger === 'manual' ? `${byWhom('Rolled back', data.actor)}.` : 'dsops did this by itself.',
    `See each step: dsops rotation show ${data.rotationId}`,
    `Try again: dsops rotation rotate ${addressOf(data)}`,
  ),
});

const rollbackFailed: Template<typeof rotationRollbackFailed> = (data) => ({
  kind: 'rollback',
  priority: 'high',
  title: `Rollback of ${placeOf(data)} failed`,
  body: lines(
    sentence(data.reason),
    data.accepted.length === 0
      ? 'The target accepts no version that dsops knows.'
      : `The target accepts now: ${data.accepted.join(', ')}.`,
    data.version !== null && `The rotation was to version ${data.version}.${requester(data.actor)}`,
    `See what the target accepts: dsops rotation status ${addressOf(data)} --verbose`,
    `See each step: dsops rotation show ${data.rotationId}`,
  ),
});

const needsOperator: Template<typeof rotationNeedsOperator> = (data) => ({
  kind: 'needs_operator',
  priority: 'high',
  title: `Rotation of ${placeOf(data)} needs a person`,
  body: lines(
    sentence(data.reason),
    ...Object.entries(data.known).map(([version, verdict]) => `Version ${version}: ${VERDICT[verdict]}.`),
    `dsops keeps every value and goes on looking.${requester(data.actor)}`,
    `See each step: dsops rotation show ${data.rotationId}`,
    `When the cause is gone: dsops rotation resume ${data.rotationId}`,
  ),
});

const TEMPLATES = new Map<string, (data: never) => Wording>([
  [rotationStarted.type, started],
  [rotationCompleted.type, completed],
  [rotationFailed.type, failed],
  [rotationRolledBack.type, rolledBack],
  [rotationRollbackFailed.type, rollbackFailed],
  [rotationNeedsOperator.type, needsOperator],
]);

const NOTABLE = [
  rotationStarted,
  rotationCompleted,
  rotationFailed,
  rotationRolledBack,
  rotationRollbackFailed,
  rotationNeedsOperator,
] as const;
/** The events that are told to people. */
export const notableEvents: readonly EventDefinition[] = NOTABLE;
export type NotableData = EventData<(typeof NOTABLE)[number]>;

/** Words a notable event. */
export function noticeOf(event: EventEnvelope<NotableData>): Notice {
  const template = TEMPLATES.get(event.type);
  if (template === undefined) throw new TypeError(`There are no words for ${event.type}.`);
  return {
    eventId: event.id,
    ...template(event.data as never),
    entity: { kind: 'rotation', id: event.data.rotationId },
    happenedAt: new Date(event.time),
  };
}

const VERDICT: Record<ProbeVerdict, string> = {
  accepted: 'the target accepts it',
  refused: 'the target refuses it',
  errored: 'it could not be tried',
  inconclusive: 'the target gave no clear answer',
};

const placeOf = ({ service, environment }: { service: string; environment: string }) => `${service} in ${environment}`;
const addressOf = ({ service, environment }: { service: string; environment: string }) => `${environment}/${service}`;
const newVersion = (version: string | null) => (version === null ? 'The new version' : `Version ${version}`);
const requester = (actor: Actor) => (actor.kind === 'system' ? '' : ` Asked for by ${actor.name}.`);

function byWhom(did: string, actor: Actor): string {
  if (actor.kind === 'system') return `${did} by dsops itself`;
  return actor.kind === 'schedule' ? `${did} by the schedule ${actor.name}` : `${did} by ${actor.name}`;
}

const sentence = (text: string) => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);
const lines = (...parts: (string | false | undefined)[]) => parts.filter(Boolean).join('\n');
