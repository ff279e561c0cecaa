import type { z } from 'zod';
import { DomainError } from '@dsops/kernel';

export interface Page<Item> {
  readonly items: Item[];
  /** The cursor of the next page; null at the end. */
  readonly next: string | null;
}

/** How a list says where a page ended. What is in a cursor is the list's own affair, so it is written unreadably. */
export interface PageCursor<Place> {
  /** @throws DomainError `cursor_invalid` for a text that this list has not written */
  read(text: string): Place;
  read(text: string | undefined): Place | undefined;
  write(place: Place): string;
  /** A page of what was found. The list asked for one more than `limit`, to know whether there is more. */
  pageOf<Item>(found: readonly Item[], limit: number, placeOf: (last: Item) => Place): Page<Item>;
}

/** @param place what a cursor holds: what the list is ordered by, so that it can go on behind it */
export function cursorOf<Schema extends z.ZodType>(place: Schema): PageCursor<z.output<Schema>> {
  type Place = z.output<Schema>;
  const write = (at: Place): string => Buffer.from(JSON.stringify(at)).toString('base64url');
  function read(text: string): Place;
  function read(text: string | undefined): Place | undefined;
  function read(text: string | undefined): Place | undefined {
    if (text === undefined) return undefined;
    const parsed = place.safeParse(jsonIn(Buffer.from(text, 'base64url').toString()));
    if (parsed.success) return parsed.data;
    throw new DomainError('cursor_invalid', 'invalid', 'query.cursor: is not a cursor of this list', {
      errors: [{ path: 'query.cursor', message: 'is not a cursor of this list' }],
      remedy: 'Give back `next` of the page before as it is, or begin again without it.',
    });
  }
  return {
    read,
    write,
    pageOf(found, limit, placeOf) {
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return { items, next: found.length > limit && last !== undefined ? write(placeOf(last)) : null };
    },
  };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
