import fc from 'fast-check';
import type { Fate } from './model-target.js';
import type { Command, Setting } from './world.js';

const worker = fc.integer({ min: 0, max: 1 });
const strategy = fc.constantFrom('two-key' as const, 'two-key' as const, 'immediate' as const);

const fate: fc.Arbitrary<Fate> = fc.oneof(
  fc.constantFrom<Fate[]>({ kind: 'refused' }, { kind: 'lost-before' }, { kind: 'lost-after' }),
  fc.record({ kind: fc.constant('late' as const), ms: fc.constantFrom(20, 200, 5_000, 15_000, 35_000, 90_000) }),
  fc.record({ kind: fc.constant('slow' as const), ms: fc.constantFrom(50, 2_000, 40_000) }),
);

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({ do: fc.constant('run' as const), worker, ticks: fc.integer({ min: 1, max: 14 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(30, 1_100, 4_000, 16_000, 31_000, 70_000, 400_000),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant('rotate' as const),
      strategy,
      onConflict: fc.constantFrom('reject' as const, 'queue' as const, 'replace' as const),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('crash' as const), worker }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('fate' as const), fate }) },
  { weight: 2, arbitrary: fc.constant<Command>({ do: 'roll-back' }) },
  { weight: 2, arbitrary: fc.constant<Command>({ do: 'resume' }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pause' as const), worker }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wake' as const), worker }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unreachable' as const), is: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trust' as const), is: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant<Command>({ do: 'break-verification' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('edit' as const), slot: worker, locks: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant<Command>({ do: 'relabel' }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('check-out' as const), ttlMs: fc.constantFrom(2_000, 60_000, 600_000) }),
  },
  { weight: 1, arbitrary: fc.constant<Command>({ do: 'release' }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('use' as const), slot: worker }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), slot: worker }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('clear' as const), overridesCheckOuts: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('jump' as const), ms: fc.constantFrom(-90_000, 61_000, 500_000) }),
  },
);

const setting: fc.Arbitrary<Setting> = fc.record({
  slots: fc.constantFrom(2 as const, 2 as const, 1 as const),
  hasCurrent: fc.integer({ min: 0, max: 7 }).map((n) => n > 0),
  graceMs: fc.constantFrom(0, 0, 20_000, 300_000),
  consumers: fc.constantFrom(
    { kind: 'managed' as const },
    { kind: 'managed' as const },
    { kind: 'unmanaged' as const, maxGraceMs: 3_600_000, quietForMs: null },
    { kind: 'unmanaged' as const, maxGraceMs: 60_000, quietForMs: 20_000 },
  ),
  isRollbackAutomatic: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  facts: fc.record({
    abandonment: fc.constantFrom(
      { by: 'ending-session' as const },
      { by: 'ending-session' as const },
      { by: 'waiting' as const, boundMs: 20_000 },
      { by: 'none' as const },
    ),
    propagationMs: fc.constantFrom(0, 0, 2_000),
    lockout: fc.constantFrom(null, null, { attempts: 4, windowMs: 30_000 }),
    refusesOldValues: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  }),
});

/** One history: a setting, the first rotation, and what happens then. */
export const history = fc.record({
  setting,
  first: strategy,
  commands: fc.array(command, { minLength: 4, maxLength: 40, size: 'max' }),
});
export type History = typeof history extends fc.Arbitrary<infer H> ? H : never;
