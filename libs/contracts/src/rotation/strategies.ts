import { z } from 'zod';
import type { Consumers } from './consumer-kinds.js';

/**
 * How the new value takes the place of the old one.
 * - `in-place`: there is one slot, and setting the new value ends the old one.
 * - `side-by-side`: the new value is set in the other slot, and the old one lives on until it is retired.
 */
export type Shape = 'in-place' | 'side-by-side';

export const SLOTS_OF_SHAPE: Readonly<Record<Shape, number>> = { 'in-place': 1, 'side-by-side': 2 };

export interface Preset {
  readonly shape: Shape;
  /**
   * How long the old value stays valid where a credential says nothing else. Whoever was configured by hand needs time
   * to be given the new value. Nobody waits for it in place.
   */
  readonly gracePeriod: Readonly<Record<Consumers, string>>;
  /** Are sessions that the old login has open ended with it? */
  readonly endsSessions: boolean;
}

/** Every strategy is one row: a name for people, and what a rotation does by it. What decides asks the row, never the name. */
export const PRESETS = {
  immediate: { shape: 'in-place', gracePeriod: { managed: '0s', unmanaged: '0s' }, endsSessions: false },
  'two-key': { shape: 'side-by-side', gracePeriod: { managed: '0s', unmanaged: '1h' }, endsSessions: false },
} as const satisfies Readonly<Record<string, Preset>>;

export type Strategy = keyof typeof PRESETS;
export const strategySchema = z.enum(Object.keys(PRESETS) as [Strategy, ...Strategy[]]);

export const presetOf = (strategy: Strategy): Preset => PRESETS[strategy];
export const strategiesOf = (shape: Shape): Strategy[] =>
  strategySchema.options.filter((name) => presetOf(name).shape === shape);

/** Known by name and not to be had yet: they are refused with what to use instead. */
export const PLANNED_STRATEGIES: readonly string[] = ['overlap', 'emergency'];
