import type { EventDefinition } from '@dsops/contracts/define-event';
import type { ServiceName } from '@dsops/contracts/service-names';
import { MAX_EVENT_BYTES, type EventEnvelope } from '@dsops/contracts/envelope';
import { DomainError } from '@dsops/kernel';
import type { EventToEmit } from '../unit-of-work.js';

/** An event that a unit will say, checked and with its identity, still without its place in the sequence of its key. */
export interface EmittedEvent {
  readonly id: string;
  readonly topic: EventDefinition['topic'];
  readonly key: string;
  readonly type: string;
  readonly subject: string;
  readonly saidAt: Date;
  readonly traceparent: string | undefined;
  /** JSON text. */
  readonly data: string;
}

/** Where an event of the outbox stands in the order of its key. */
export interface EventPosition {
  readonly epoch: number;
  readonly sequence: bigint;
}

/**
 * Checks an event against its contract, in the transaction that says it.
 * @throws DomainError `event_invalid` (the program is wrong: nothing of the unit happens), `event_too_large`
 */
export function prepareEvent(
  service: ServiceName,
  { event, key, subject, data }: EventToEmit,
  identity: { id: string; saidAt: Date; traceparent: string | undefined },
): EmittedEvent {
  if (event.producer !== service)
    throw new DomainError(
      'event_invalid',
      'internal',
      `${event.type} belongs to ${event.producer}, not to ${service}.`,
    );
  if (key === '' || subject === '')
    throw new DomainError('event_invalid', 'internal', `${event.type} needs a key and a subject.`);
  const checked = event.data.safeParse(data);
  if (!checked.success) {
    const paths = checked.error.issues.map((issue) => issue.path.map(String).join('.') || 'data').join(', ');
    throw new DomainError('event_invalid', 'internal', `${event.type} breaks its contract at ${paths}.`);
  }
  const emitted = {
    ...identity,
    topic: event.topic,
    key,
    type: event.type,
    subject,
    data: JSON.stringify(checked.data),
  };
  // The largest epoch and sequence stand in for the ones it will get.
  const frame = envelopeOf(service, { ...emitted, data: 'null' }, LAST_PLACE);
  const bytes = Buffer.byteLength(JSON.stringify(frame)) + Buffer.byteLength(emitted.data);
  if (bytes > MAX_EVENT_BYTES)
    throw new DomainError(
      'event_too_large',
      'too_large',
      `${event.type} has ${bytes} bytes; ${MAX_EVENT_BYTES} are the most.`,
      { remedy: 'Say what changed and where to read it, not the thing itself.' },
    );
  return emitted;
}

const LAST_PLACE: EventPosition = { epoch: 2 ** 31 - 1, sequence: 9_999_999_999_999_999n };

/**
 * The CloudEvent as it leaves. It depends on the stored row alone, so each publishing of an event has the same content.
 * `traceid` repeats `traceparent`: a Dapr sidecar replaces a traceparent that comes without it.
 */
export const envelopeOf = (service: ServiceName, event: EmittedEvent, place: EventPosition): EventEnvelope => ({
  specversion: '1.0',
  id: event.id,
  source: `/dsops/${service}`,
  type: event.type,
  subject: event.subject,
  time: event.saidAt.toISOString(),
  datacontenttype: 'application/json',
  partitionkey: event.key,
  sequence: String(place.sequence),
  epoch: place.epoch,
  ...(event.traceparent === undefined ? {} : { traceid: event.traceparent, traceparent: event.traceparent }),
  data: JSON.parse(event.data) as unknown,
});
