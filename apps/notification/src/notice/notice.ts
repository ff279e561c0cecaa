import type { EventDefinition } from '@dsops/contracts/define-event';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import type { NextStep } from '@dsops/contracts/notification/api';
import type { Place } from '@dsops/contracts/rotation/place';
import { TELLINGS, tellingOf, type Entity, type NotableData, type NoticeKind, type Priority } from './tellings.js';

/** What is told about one event, the same to everybody: facts, worded for nobody yet. */
export interface Notice {
  readonly eventId: string;
  readonly kind: NoticeKind;
  readonly priority: Priority;
  readonly entity: Entity;
  readonly happenedAt: Date;
  /** The event's type. Null, as its facts, for a notice that the previous release has kept: of that there are only words. */
  readonly eventType: string | null;
  /** What the event said. */
  readonly facts: NotableData | null;
}

/** A notice in plain text. A channel makes of it what its medium can show. */
export interface Words {
  readonly title: string;
  /** A sentence or more each. */
  readonly sentences: readonly string[];
  readonly nextSteps: readonly NextStep[];
  /** Null where it is not known. */
  readonly place: Place | null;
}

/** A notice with its words, as a channel gets it. */
export interface WordedNotice {
  readonly notice: Notice;
  readonly words: Words;
}

/** The events that are told to people. */
export const notableEvents: readonly EventDefinition[] = TELLINGS.map(({ event }) => event);

/**
 * What is told about a notable event.
 * @throws TypeError when the event is not among {@link notableEvents}
 */
export function noticeOf({ id, type, time, data }: EventEnvelope<NotableData>): WordedNotice {
  const telling = tellingOf(type);
  if (telling === undefined) throw new TypeError(`There are no words for ${type}.`);
  const { kind, priority } = telling;
  const notice = { eventId: id, eventType: type, kind, priority, entity: telling.entityOf(data), facts: data };
  return { notice: { ...notice, happenedAt: new Date(time) }, words: wordsOf(type, data) };
}

/** A notice as it is kept. The previous release keeps words and no facts, and reads the words that this one keeps. */
export interface KeptNotice extends Notice {
  readonly title: string;
  readonly body: string;
}

export function keep({ notice, words }: WordedNotice): KeptNotice {
  return { ...notice, title: words.title, body: words.sentences.join('\n') };
}

/** Words are made of facts again; where there are none, or nobody here knows the event any more, the kept words stand. */
export function recall({ title, body, ...notice }: KeptNotice): WordedNotice {
  const { eventType, facts } = notice;
  const words =
    eventType !== null && facts !== null && tellingOf(eventType) !== undefined
      ? wordsOf(eventType, facts)
      : { title, sentences: body.split('\n'), nextSteps: [], place: null };
  return { notice, words };
}

function wordsOf(eventType: string, facts: NotableData): Words {
  const telling = tellingOf(eventType)!;
  const sentences = telling.sentences(facts).filter((part): part is string => typeof part === 'string' && part !== '');
  return { title: telling.title(facts), sentences, nextSteps: telling.nextSteps, place: telling.placeOf(facts) };
}
