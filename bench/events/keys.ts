/** Draws keys; `chance` is uniform from 0 (inclusive) to 1. */
export type DrawKey = (chance: number) => string;

/** The k-th of so many keys is drawn with a weight of 1/k: a few are busy, most are not. */
export function skewedKeys(count: number): DrawKey {
  const sums: number[] = [];
  for (let k = 1; k <= count; k += 1) sums.push((sums.at(-1) ?? 0) + 1 / k);
  return (chance) => {
    const drawn = chance * sums.at(-1)!;
    return `key-${sums.findIndex((sum) => drawn < sum)}`;
  };
}

/** Everything belongs to one aggregate, and has to happen in its order. */
export const hotKey: DrawKey = () => 'key-0';
