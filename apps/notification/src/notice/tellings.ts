import type { EventData, EventDefinition } from '@dsops/contracts/define-event';
import type { NextStep } from '@dsops/contracts/notification/api';
import type { Actor } from '@dsops/contracts/principal';
import type { Place } from '@dsops/contracts/rotation/place';
import {
  rotationAbandoned,
  rotationCancelled,
  rotationCompleted,
  rotationEvidenceWanted,
  rotationFailed,
  rotationNeedsOperator,
  rotationRollbackFailed,
  rotationRolledBack,
  rotationStarted,
} from '@dsops/contracts/rotation/events';
import type { Verdict } from '@dsops/contracts/rotation/states';
import { formatDuration } from '@dsops/kernel';

export const NOTICE_KINDS = ['started', 'completed', 'failed', 'rollback', 'needs_operator'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];
/** `high` where a credential waits for a person. */
export type Priority = 'normal' | 'high';
export interface Entity {
  readonly kind: string;
  readonly id: string;
}

/**
 * How one event is told: of which kind its notice is, and the words that are the same on every channel. They are plain
 * text, and quote what others wrote: a channel whose medium has a markup escapes it. What can be done next is named and
 * not worded, because each medium has its own way to do it.
 */
export interface Telling<Facts> {
  readonly event: EventDefinition;
  readonly kind: NoticeKind;
  readonly priority: Priority;
  readonly nextSteps: readonly NextStep[];
  entityOf(facts: Facts): Entity;
  placeOf(facts: Facts): Place;
  title(facts: Facts): string;
  /** False and undefined are left out. */
  sentences(facts: Facts): readonly (string | false | undefined)[];
}

type RotationEvent =
  | typeof rotationStarted
  | typeof rotationCompleted
  | typeof rotationFailed
  | typeof rotationCancelled
  | typeof rotationRolledBack
  | typeof rotationRollbackFailed
  | typeof rotationAbandoned
  | typeof rotationNeedsOperator
  | typeof rotationEvidenceWanted;

/** What the events that are told say. */
export type NotableData = EventData<RotationEvent>;

function rotation<D extends RotationEvent>(
  event: D,
  told: Omit<Telling<EventData<D>>, 'event' | 'entityOf' | 'placeOf'>,
): Telling<NotableData> {
  return {
    event,
    entityOf: ({ rotationId }) => ({ kind: 'rotation', id: rotationId }),
    placeOf: ({ environment, service }) => ({ environment, service }),
    ...told,
  };
}

/** Every event that is told to people: its kind and its words, in one place. */
export const TELLINGS: readonly Telling<NotableData>[] = [
  rotation(rotationStarted, {
    kind: 'started',
    priority: 'normal',
    nextSteps: ['follow'],
    title: (facts) => `Rotation of ${placed(facts)} started`,
    sentences: ({ actor, strategy, reason }) => [
      `${byWhom('Started', actor)}, with the strategy ${strategy}.`,
      reason && `Reason: ${sentence(reason)}`,
    ],
  }),
  rotation(rotationCompleted, {
    kind: 'completed',
    priority: 'normal',
    nextSteps: ['see_steps'],
    title: (facts) => `Rotation of ${placed(facts)} completed`,
    sentences: ({ version, durationMs, actor }) => [
      `${newVersion(version)} is in use: the target accepts it and refuses the old one.`,
      `It took ${formatDuration(durationMs)}.${requester(actor)}`,
    ],
  }),
  rotation(rotationFailed, {
    kind: 'failed',
    priority: 'normal',
    nextSteps: ['see_steps', 'try_again'],
    title: (facts) => `Rotation of ${placed(facts)} failed`,
    sentences: ({ reason, version, previousVersion, actor }) => [
      sentence(reason),
      `${stays(previousVersion)}${version === null ? '' : ` Version ${version} was given up.`}${requester(actor)}`,
    ],
  }),
  rotation(rotationCancelled, {
    kind: 'rollback',
    priority: 'normal',
    nextSteps: ['try_again'],
    title: (facts) => `Queued rotation of ${placed(facts)} was cancelled`,
    sentences: ({ reason, requestedBy }) => [
      sentence(reason),
      `It had not begun, and changed nothing.${requester(requestedBy)}`,
    ],
  }),
  rotation(rotationRolledBack, {
    kind: 'rollback',
    priority: 'normal',
    nextSteps: ['see_steps', 'try_again'],
    title: (facts) => `Rotation of ${placed(facts)} was rolled back`,
    sentences: ({ reason, version, trigger, actor }) => [
      `Reason: ${sentence(reason)}`,
      `The previous version is in use again and the target accepts it. ${newVersion(version)} was withdrawn.`,
      trigger === 'manual' ? `${byWhom('Rolled back', actor)}.` : 'dsops did this by itself.',
    ],
  }),
  rotation(rotationRollbackFailed, {
    kind: 'rollback',
    priority: 'high',
    nextSteps: ['see_target', 'see_steps'],
    title: (facts) => `Rollback of ${placed(facts)} failed`,
    sentences: ({ reason, accepted, version, actor }) => [
      sentence(reason),
      accepted.length === 0
        ? 'The target accepts no version that dsops knows.'
        : `The target accepts now: ${accepted.join(', ')}.`,
      version !== null && `The rotation was to version ${version}.${requester(actor)}`,
    ],
  }),
  rotation(rotationAbandoned, {
    kind: 'failed',
    priority: 'high',
    nextSteps: ['see_target', 'see_steps', 'try_again'],
    title: (facts) => `Rotation of ${placed(facts)} was abandoned`,
    sentences: ({ reason, known, actor }) => [
      `${byWhom('Abandoned', actor)}. Reason: ${sentence(reason)}`,
      ...Object.entries(known).map(
        ([version, verdict]) => `Version ${version}, when it was last tried: ${VERDICT[verdict]}.`,
      ),
      'Every value stays sealed; what the target accepts now is unproven.',
    ],
  }),
  rotation(rotationNeedsOperator, {
    kind: 'needs_operator',
    priority: 'high',
    nextSteps: ['see_steps', 'resume'],
    title: (facts) => `Rotation of ${placed(facts)} needs a person`,
    sentences: ({ reason, known, actor }) => [
      sentence(reason),
      ...Object.entries(known).map(([version, verdict]) => `Version ${version}: ${VERDICT[verdict]}.`),
      `dsops keeps every value and goes on looking.${requester(actor)}`,
    ],
  }),
  rotation(rotationEvidenceWanted, {
    kind: 'needs_operator',
    priority: 'high',
    nextSteps: ['clear', 'see_steps'],
    title: (facts) => `May the old value of ${placed(facts)} end?`,
    sentences: ({ version, login, consumers, blindSpots }) => [
      `Version ${version} (${login}) stays valid until somebody says that nobody uses it any more.`,
      consumers.length === 0 ? 'Nobody is seen to use it now.' : `Seen to use it: ${usedBy(consumers)}.`,
      blindSpots.length > 0 && `Not seen: ${blindSpots.join('; ')}.`,
    ],
  }),
];

const byType = new Map(TELLINGS.map((telling) => [telling.event.type, telling]));
/** Undefined for what is not told, or not any more, or not yet: a later release may have stored it. */
export const tellingOf = (eventType: string): Telling<NotableData> | undefined => byType.get(eventType);

const VERDICT: Record<Verdict, string> = {
  accepted: 'the target accepts it',
  refused: 'the target refuses it',
  unverified: 'the target lets it in, and its verification fails',
  errored: 'it could not be tried',
  inconclusive: 'the target gave no clear answer',
};

/** How many are named in a notice; all of them are in `dsops rotation show`. */
const MOST_NAMED = 5;
function usedBy(consumers: EventData<typeof rotationEvidenceWanted>['consumers']): string {
  const names = new Map<string, string | null>();
  for (const { login, application, address, since } of consumers) {
    const name = [login, application && `(${application})`, address && `from ${address}`].filter(Boolean).join(' ');
    const before = names.get(name);
    names.set(name, before != null && (since === null || before < since) ? before : since);
  }
  const words = [...names].map(([name, since]) => `${name}${since === null ? '' : ` since ${since}`}`);
  const more = words.length - MOST_NAMED;
  return `${words.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const placed = ({ service, environment }: Place) => `${service} in ${environment}`;
const newVersion = (version: string | null) => (version === null ? 'The new version' : `Version ${version}`);
/** Undefined: the event is of a time when it did not say. */
const stays = (previous: string | null | undefined) =>
  previous === null
    ? 'There was no version in use before, and there is none now.'
    : 'The previous version stays in use.';
const requester = (actor: Actor) => (actor.kind === 'system' ? '' : ` Asked for by ${actor.name}.`);

function byWhom(did: string, actor: Actor): string {
  if (actor.kind === 'system') return `${did} by dsops itself`;
  return actor.kind === 'schedule' ? `${did} by the schedule ${actor.name}` : `${did} by ${actor.name}`;
}

const sentence = (text: string) => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);
