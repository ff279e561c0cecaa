/** Does the work for every item, `lanes` of them at a time, in their order. The first failure ends it. */
export async function inLanes<Item>(
  lanes: number,
  items: readonly Item[],
  work: (item: Item, nth: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let nth = next++; nth < items.length; nth = next++) await work(items[nth]!, nth);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
}
