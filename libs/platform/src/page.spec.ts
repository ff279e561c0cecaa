import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { cursorOf } from './page.js';

const cursor = cursorOf(z.tuple([z.string().regex(/^[a-z]+$/), z.int()]));

describe('a page', () => {
  const found = [1, 2, 3];

  it('names its end when there is more, and reads it again', () => {
    const page = cursor.pageOf(found, 2, (last) => ['x', last]);
    expect(page.items).toEqual([1, 2]);
    expect(cursor.read(page.next!)).toEqual(['x', 2]);
    expect(page.next).not.toContain('x');
  });

  it.each([3, 4])('is the last when no more than its limit %d was found', (limit) =>
    expect(cursor.pageOf(found, limit, (last) => ['x', last])).toEqual({ items: found, next: null }),
  );
});

describe('a cursor', () => {
  it.each(['x', '', '2', cursorOf(z.string()).write('x'), cursorOf(z.any()).write(["x'", 1])])(
    'that the list has not written is refused: %j',
    (text) => expect(() => cursor.read(text)).toThrow(expect.objectContaining({ code: 'cursor_invalid' })),
  );

  it('that is not there begins the list', () => expect(cursor.read(undefined)).toBeUndefined());
});
