import { presetOf, strategySchema, type Shape } from '@dsops/contracts/rotation/strategies';
import type { ExpectedEnd } from './end-judge.js';
import type { CellNeeds } from './world.js';

/** How a rotation is made to go one way: its plan, and what turns it back. */
export interface Scenario extends CellNeeds {
  readonly name: string;
  /** The point, by key, at which a person asks to go back; null when nobody does. */
  readonly rollBackAt: string | null;
  /** The point at which a first process is killed before anything else; null when the first one is the one to kill. */
  readonly firstKillAt: string | null;
  /**
   * Which part of it makes cells, because the rest is covered elsewhere: all of it, from the turn on, or what the process
   * does that goes on after the first kill, until it is back on the path.
   */
  readonly part: 'all' | 'way-back' | 'recovery';
  readonly expected: ExpectedEnd;
}

const COMPLETED: ExpectedEnd = { state: 'completed', current: 'new' };
const ROLLED_BACK: ExpectedEnd = { state: 'rolled_back', current: 'imported' };
/** Long enough that a wait for it can be struck, and not so long that a cell waits for nothing else. */
const GRACE_MS: Readonly<Record<Shape, number>> = { 'in-place': 0, 'side-by-side': 300 };

const WAY = {
  check: 'passing',
  rollBackAt: null,
  firstKillAt: null,
  part: 'all',
  expected: COMPLETED,
} as const satisfies Partial<Scenario>;

/**
 * The ways that a rotation of this shape can go: through; each way back, by itself and because somebody asked for it; and
 * what a process does that finds a command whose worker vanished. By what is appended to the name of its plan.
 */
const waysOf = (shape: Shape): Readonly<Record<string, Omit<Scenario, 'name' | 'strategy' | 'shape'>>> => {
  const way = { ...WAY, graceMs: GRACE_MS[shape] };
  return {
    '': way,
    // The new value logs in and does not do its work.
    '-undo': { ...way, check: 'failingSecondValue', part: 'way-back', expected: ROLLED_BACK },
    '-return': {
      ...way,
      // Whoever asks has time for it.
      graceMs: shape === 'in-place' ? 0 : 3_600_000,
      rollBackAt: 'publish#1/after',
      part: 'way-back',
      expected: ROLLED_BACK,
    },
    '-set-again': { ...way, firstKillAt: 'set#1/before', part: 'recovery' },
    // In place the new value has ended the old one, and nothing is left to retire.
    ...(shape === 'side-by-side' && {
      '-retire-again': { ...way, firstKillAt: 'retire#1/before', part: 'recovery' },
    }),
  };
};

/** Every preset of the engine, each way of its shape. */
export const SCENARIOS: readonly Scenario[] = strategySchema.options.flatMap((strategy) => {
  const { shape } = presetOf(strategy);
  return Object.entries(waysOf(shape)).map(([suffix, way]) => ({
    ...way,
    name: `${strategy}${suffix}`,
    strategy,
    shape,
  }));
});
