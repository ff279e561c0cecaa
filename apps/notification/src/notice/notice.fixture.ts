import type { EventData, EventDefinition } from '@dsops/contracts/define-event';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { newId } from '@dsops/kernel';
import type { NotableData } from './tellings.js';

interface Told<D extends EventDefinition> {
  readonly id?: string;
  readonly happenedAt?: Date;
  readonly data?: Partial<EventData<D>>;
}

/** An event as it arrives, with the data of its contract's example unless said. */
export const aRotationEvent = <D extends EventDefinition>(
  definition: D,
  { id = newId(), happenedAt = new Date('2026-11-21T12:00:00.000Z'), data = {} }: Told<D> = {},
): EventEnvelope<NotableData> => ({
  specversion: '1.0',
  id,
  source: '/dsops/rotation',
  type: definition.type,
  subject: 'rotation/01JD0000000000000000000003',
  time: happenedAt.toISOString(),
  datacontenttype: 'application/json',
  partitionkey: 'key',
  sequence: '1',
  epoch: 1,
  data: { ...(definition.example as object), ...(data as object) } as NotableData,
});
