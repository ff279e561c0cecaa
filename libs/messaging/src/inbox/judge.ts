import { createHash } from 'node:crypto';
import type { EventDefinition } from '@dsops/contracts/define-event';
import { envelopeSchema, type EventEnvelope } from '@dsops/contracts/envelope';
import type { Coordinates } from '../coordinates.js';
import type { Delivery } from '../transport.js';

/** A delivery that has a place in the order of its key. */
export interface Arrival extends Coordinates {
  readonly id: string;
  readonly type: string;
  /** JSON text of the whole envelope. */
  readonly body: string;
  /** The checked event; undefined when no contract of this release fits, and then `fault` says why. */
  readonly event: EventEnvelope | undefined;
  readonly fault: string | undefined;
}

/** A body that no place can be given to. */
export interface Unreadable {
  readonly topic: string;
  /** The hash of the body, so that its redelivery is recognised. */
  readonly id: string;
  readonly body: string;
  readonly fault: string;
}

export type Judged = { readonly arrival: Arrival } | { readonly unreadable: Unreadable };

/** Text of PostgreSQL has no NUL; a contract that allows one in a key does not exist. */
const withoutNul = (text: string): string => text.replaceAll('\u0000', '\uFFFD');

/** JSON text of anything that a transport may hand over; `undefined` and functions become null. */
const jsonOf = (body: unknown): string => JSON.stringify(body) ?? 'null';

const paths = (issues: readonly { path: PropertyKey[] }[]): string =>
  [...new Set(issues.map(({ path }) => path.map(String).join('.') || 'the body'))].slice(0, 5).join(', ');

/** Checks a delivery against the envelope and the contract of its type. Faults name places, never values. */
export function judge(delivery: Delivery, registry: ReadonlyMap<string, EventDefinition>): Judged {
  const envelope = envelopeSchema.safeParse(delivery.body);
  if (!envelope.success) {
    const body = jsonOf(delivery.body);
    const id = createHash('sha256').update(`${delivery.topic}\n${body}`).digest('hex');
    const fault = `It is no CloudEvent of ours: wrong at ${paths(envelope.error.issues)}.`;
    return { unreadable: { topic: withoutNul(delivery.topic), id, body, fault } };
  }
  const { id, type, partitionkey, sequence, epoch } = envelope.data;
  const place = {
    topic: withoutNul(delivery.topic),
    key: withoutNul(partitionkey),
    epoch,
    sequence: BigInt(sequence),
  };
  const known = { ...place, id, type: withoutNul(type) };
  const definition = registry.get(type);
  if (definition === undefined)
    return { arrival: arrivalOf(known, delivery, { fault: 'Its type is unknown to this release.' }) };
  if (definition.topic !== delivery.topic)
    return { arrival: arrivalOf(known, delivery, { fault: `Its type belongs to the topic ${definition.topic}.` }) };
  const data = definition.data.safeParse(envelope.data.data);
  if (!data.success) {
    const fault = `It breaks the contract of its type at ${paths(data.error.issues)}.`;
    return { arrival: arrivalOf(known, delivery, { fault }) };
  }
  return { arrival: arrivalOf(known, delivery, { event: { ...envelope.data, data: data.data } }) };
}

/** The text of its body is made when somebody keeps it: most events are applied at once. */
const arrivalOf = (
  known: Omit<Arrival, 'body' | 'event' | 'fault'>,
  { body }: Delivery,
  { event, fault }: { event?: EventEnvelope; fault?: string },
): Arrival => ({
  ...known,
  event,
  fault,
  get body() {
    return jsonOf(body);
  },
});
