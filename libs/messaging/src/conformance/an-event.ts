import type { EventEnvelope } from '@dsops/contracts/envelope';
import { rotationStarted } from '@dsops/contracts/rotation/events';
import { newId } from '@dsops/kernel';

/** A sound event of this key at this place, as a producer would have said it; `change` makes it another one. */
export const anEvent = (key: string, sequence: number, change: Partial<EventEnvelope> = {}): EventEnvelope => ({
  specversion: '1.0',
  id: newId(),
  source: '/dsops/rotation',
  type: rotationStarted.type,
  subject: 'rotation/1',
  time: '2026-11-21T12:00:00.000Z',
  datacontenttype: 'application/json',
  partitionkey: key,
  sequence: String(sequence),
  epoch: 1,
  data: rotationStarted.example,
  ...change,
});
