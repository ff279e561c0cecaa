/** The middle one; of an even number, halfway between the two in the middle. Throws for none: a figure is missing then. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Linear between the two nearest ranks. @param share from 0 (the smallest) to 1 (the largest) */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0 || values.some((value) => !Number.isFinite(value)))
    throw new TypeError('A figure is missing: nothing was measured.');
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)]!;
  const above = sorted[Math.ceil(at)]!;
  return below + (above - below) * (at - Math.floor(at));
}

/**
 * The median of the ratios of one round each, not the ratio of two medians: what slows a whole round down, such as
 * another program, then slows both sides of one ratio.
 */
export const medianRatio = (numerators: readonly number[], denominators: readonly number[]): number =>
  median(numerators.map((numerator, round) => numerator / (denominators[round] ?? Number.NaN)));

/** Three digits that matter: `1230`, `12.3`, `1.23`, `0.123`. */
export function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return String(Math.round(value));
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}
