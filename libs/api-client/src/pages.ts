import type { z } from 'zod';
import type { Operation, RequestOf } from '@dsops/contracts/define-operation';

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** An operation that answers one page of a list. */
export type PagedOperation = Operation & { readonly query: z.ZodObject; readonly response: z.ZodType<Page<unknown>> };

export type ItemOf<O extends PagedOperation> = z.output<O['response']>['items'][number];

/** What a list is narrowed to; which page it is, is found out. */
export type ListOf<O extends PagedOperation> = Pick<RequestOf<O>, 'params'> & {
  readonly query?: Omit<NonNullable<RequestOf<O>['query']>, 'limit' | 'cursor'>;
};

export const LARGEST_PAGE = 200;

/**
 * The items of a list one by one, over as many pages as are asked for. Whoever stops early asks for no further page.
 * @param most no page is larger than what is still wanted
 */
export async function* itemsOf<Item>(
  fetchPage: (page: { limit: number; cursor?: string }) => Promise<Page<Item>>,
  most = Infinity,
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | undefined;
  for (let left = most; left > 0;) {
    const page = await fetchPage({ limit: Math.min(left, LARGEST_PAGE), ...(cursor === undefined ? {} : { cursor }) });
    const items = page.items.slice(0, left);
    yield* items;
    left -= items.length;
    if (page.next === null || page.items.length === 0) return;
    cursor = page.next;
  }
}
