import { z } from 'zod';

const positive = z.string().regex(/^[1-9]\d{0,15}$/, 'a positive whole number, as a string');

/**
 * CloudEvents 1.0 in JSON, with the extensions `partitionkey` (Partitioning), `sequence` (Sequence: gapless per topic
 * and key, from 1), `traceparent` (Distributed Tracing) and our own `epoch` and `traceid`.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export const envelopeSchema = z.looseObject({
  specversion: z.literal('1.0'),
  id: z.ulid(),
  source: z.string().min(1),
  type: z.string().min(1),
  subject: z.string().min(1),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  partitionkey: z.string().min(1),
  sequence: positive,
  /** Raised only when the producer's database was restored from a copy. */
  epoch: z.int().positive(),
  traceid: z.string().optional(),
  traceparent: z.string().optional(),
  data: z.unknown(),
});
export type EventEnvelope<Data = unknown> = z.infer<typeof envelopeSchema> & { data: Data };

/** Bytes of an envelope in JSON. Checked in the producing transaction, so that no event is found too large later. */
export const MAX_EVENT_BYTES = 256 * 1024;
