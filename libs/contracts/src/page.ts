import { z } from 'zod';

/** A page of a list, newest first unless said otherwise. `next` is given back as `cursor` to read on; null at the end. */
export const pageOf = <S extends z.ZodType>(item: S) => z.object({ items: z.array(item), next: z.string().nullable() });

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().optional(),
};
