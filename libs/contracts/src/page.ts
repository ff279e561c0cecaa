import { z } from 'zod';

/**
 * A page of a list, newest first unless said otherwise. `next` is given back as `cursor` to read on; null at the end. What
 * is in it is the list's own affair. Every list of the API is read in pages.
 */
export const pageOf = <S extends z.ZodType>(item: S) => z.object({ items: z.array(item), next: z.string().nullable() });

/** An instant in a query. ISO 8601 has a year 0; calendars and databases have not. */
export const instantQuery = z.iso
  .datetime()
  .refine((text) => !text.startsWith('0000'), 'must be in the year 1 or later')
  .meta({ description: 'In the year 1 or later.' });

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().optional(),
};
