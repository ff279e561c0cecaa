import { z } from 'zod';
import { envelopeSchema } from '@dsops/contracts/envelope';

const whole = z.string().regex(/^\d{1,18}$/, 'a whole number, as a string');
const place = { topic: z.string().min(1), key: z.string().min(1), epoch: z.int().positive(), sequence: whole };

/** A consumer tells a producer how far it is, and asks what was said since its last pass. */
export const headsRequestSchema = z.strictObject({
  consumer: z.string().min(1).max(63),
  topics: z.array(z.string().min(1)).max(100),
  /** `asOf` of the pass before; absent: every key. */
  since: whole.optional(),
  /** Reads on behind this key, in the pass that has begun. */
  after: z.strictObject({ topic: z.string(), key: z.string() }).optional(),
  cursors: z.array(z.strictObject(place)).max(1_000),
});
export type HeadsRequest = z.infer<typeof headsRequestSchema>;

/** The last event of each key that may have changed since. `sequence` is that of the head. */
export const headsAnswerSchema = z.object({
  /** Opaque: give the one of a pass's first page as `since` of the next pass. */
  asOf: whole,
  heads: z.array(z.object(place)),
  next: z.object({ topic: z.string(), key: z.string() }).nullable(),
});
export type HeadsAnswer = z.infer<typeof headsAnswerSchema>;

export const HEADS_PER_PAGE = 1_000;

export const eventsQuerySchema = z.strictObject({
  topic: z.string().min(1),
  key: z.string().min(1),
  /** Events above this place. */
  epoch: z.coerce.number().int().min(0).default(0),
  after: whole.default('0'),
  limit: z.coerce.number().int().min(1).max(200).default(100),
});

export type EventsQuery = z.infer<typeof eventsQuerySchema>;

/** Events in order, as they were published. Fewer than `limit` do not mean that there are no more. */
export const eventsAnswerSchema = z.object({ events: z.array(envelopeSchema) });
