const LARGEST_PAGE = 200;

/** The first `limit` items of a list, over as many pages as that takes. `fetchPage` gets the page's size and cursor. */
export async function collect<Item>(
  limit: number,
  fetchPage: (page: { limit: number; cursor?: string }) => Promise<{ items: Item[]; next: string | null }>,
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  while (items.length < limit) {
    const size = Math.min(limit - items.length, LARGEST_PAGE);
    const page = await fetchPage({ limit: size, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items);
    if (page.next === null || page.items.length === 0) break;
    cursor = page.next;
  }
  return items.slice(0, limit);
}
