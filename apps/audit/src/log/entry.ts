import type { AuditEntry } from '@dsops/contracts/audit/api';
import type { Actor } from '@dsops/contracts/principal';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { maskDetails } from './mask.js';

/** An entry that has no place in the chain yet. */
export type NewEntry = Omit<AuditEntry, 'position' | 'hash'>;

export interface Entity {
  readonly kind: string;
  readonly id: string;
}

/** Fields of events whose name does not say the kind of what they point to. */
const KIND_OF_FIELD: Record<string, string> = { recipientId: 'principal' };

/** What the log keeps of an event. */
export function entryOf(event: EventEnvelope<{ actor: Actor }>): NewEntry {
  const { actor, ...details } = event.data;
  return {
    eventId: event.id,
    at: new Date(event.time).toISOString(),
    actor: { kind: actor.kind, id: actor.id.toWellFormed(), name: actor.name.toWellFormed() },
    action: actionOf(event.type),
    entity: entityOf(event.subject.toWellFormed()),
    details: maskDetails(details) as Record<string, unknown>,
  };
}

/** `dsops.rotation.rotation.completed.v1` → `rotation.rotation.completed` */
export const actionOf = (type: string): string => type.replace(/^dsops\./, '').replace(/\.v\d+$/, '');

/** `<kind>/<id>`; a subject without a kind is kept all the same, because no event may fail to be recorded. */
export function entityOf(subject: string): Entity {
  const slash = subject.indexOf('/');
  return slash < 0 ? { kind: 'unknown', id: subject } : { kind: subject.slice(0, slash), id: subject.slice(slash + 1) };
}

/**
 * Every entity whose history the entry belongs to: its own, each that a field `<kind>Id` names (`serviceId`,
 * `rotationId`, `checkOutId` …), and the principal that an access event is about.
 */
export function entitiesOf(entry: NewEntry): Entity[] {
  const found = [entry.entity];
  for (const [field, value] of Object.entries(entry.details)) {
    if (typeof value === 'string' && field.length > 2 && field.endsWith('Id'))
      found.push({ kind: KIND_OF_FIELD[field] ?? snakeCase(field.slice(0, -2)), id: value });
    if (field === 'principal' && isPrincipal(value)) found.push({ kind: 'principal', id: value.id });
  }
  return [...new Map(found.map((entity) => [`${entity.kind}/${entity.id}`, entity])).values()];
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const isPrincipal = (value: unknown): value is { id: string } =>
  typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string';
