import { describe, expect, it } from '@jest/globals';
import { cellsOf, select, type Cell, type Selection } from './cells.js';
import type { Point } from './protocol.js';
import { SCENARIOS, type Scenario } from './scenarios.js';

const scenario = (name: string): Scenario => SCENARIOS.find((each) => each.name === name)!;
const both = (effect: string, occurrence = 1): Point[] => [
  { effect, when: 'before', occurrence },
  { effect, when: 'after', occurrence },
];
const killsOf = (cells: readonly Cell[]) => idsOf(cells.filter(({ fault }) => fault === 'killed'));
const idsOf = (cells: readonly { readonly id: string }[]) => cells.map(({ id }) => id);
const ALL: Selection = { plans: [], faults: [], cell: null, isEveryPoint: true, shard: { index: 1, of: 1 }, seed: 1 };

describe('cells', () => {
  it('are the points of a run without faults, each in the step that is finished next', () => {
    const passed = [
      ...both('probe control'),
      ...both('step check-path'),
      ...both('probe old'),
      ...both('step probe-old'),
    ];
    expect(killsOf(cellsOf(scenario('two-key'), passed))).toEqual([
      'two-key/check-path/probe-control#1/before/killed',
      'two-key/check-path/probe-control#1/after/killed',
      'two-key/check-path/step-check-path#1/before/killed',
      'two-key/check-path/step-check-path#1/after/killed',
      'two-key/probe-old/probe-old#1/before/killed',
      'two-key/probe-old/probe-old#1/after/killed',
      'two-key/probe-old/step-probe-old#1/before/killed',
      'two-key/probe-old/step-probe-old#1/after/killed',
    ]);
  });

  it('have each fault that means something there', () => {
    const cells = cellsOf(scenario('immediate'), [...both('set'), ...both('step set')]);
    const faultsOf = (place: string) => cells.filter(({ id }) => id.startsWith(`${place}/`)).map(({ fault }) => fault);
    const anywhere = ['paused', 'target-restarted', 'database-restarted', 'clock-ahead'];
    expect(faultsOf('immediate/set/set#1/before')).toEqual([
      'killed',
      'killed-by-lease',
      'answer-lost',
      'answer-late',
      ...anywhere,
    ]);
    expect(faultsOf('immediate/set/set#1/after')).toEqual(['killed', 'killed-by-lease', ...anywhere]);
    expect(faultsOf('immediate/set/step-set#1/before')).toEqual(['killed', ...anywhere]);
  });

  it('have nobody who could take over once everything is done', () => {
    const cells = cellsOf(scenario('immediate'), [...both('step set'), ...both('concluded completed')]);
    expect(cells.filter(({ fault }) => fault === 'paused').map(({ step }) => step)).not.toContain('end');
  });

  it('of a way back begin where it turns', () => {
    const passed = [...both('set'), ...both('turned'), ...both('retire'), ...both('step retire-new')];
    const ids = idsOf(cellsOf(scenario('two-key-undo'), passed));
    expect(ids).toContain('two-key-undo/retire-new/turned#1/before/killed');
    expect(ids.some((id) => id.includes('/set#1/'))).toBe(false);
  });

  it('of a recovery end where it is back on the path', () => {
    const passed = [...both('abandoned'), ...both('end-session'), ...both('step set'), ...both('probe new')];
    expect(killsOf(cellsOf(scenario('two-key-set-again'), passed))).toEqual([
      'two-key-set-again/set/abandoned#1/before/killed',
      'two-key-set-again/set/abandoned#1/after/killed',
      'two-key-set-again/set/end-session#1/before/killed',
      'two-key-set-again/set/end-session#1/after/killed',
    ]);
  });

  it('cannot be told from a way back that did not turn', () => {
    expect(() => cellsOf(scenario('two-key-undo'), both('set'))).toThrow('another way');
  });
});

describe('a selection', () => {
  const cells = cellsOf(
    scenario('two-key'),
    Array.from({ length: 20 }, (_, index) => both('probe new', index + 1)).flat(),
  );

  it('deals every cell to one shard', () => {
    const shards = [1, 2, 3].map((index) => idsOf(select(cells, { ...ALL, shard: { index, of: 3 } })));
    expect(shards.flat().sort()).toEqual(idsOf(cells).sort());
  });

  it('is the same for the same seed and another for another', () => {
    const halfOf = (seed: number) => idsOf(select(cells, { ...ALL, seed, shard: { index: 1, of: 2 } }));
    expect(halfOf(7)).toEqual(halfOf(7));
    expect(halfOf(7)).not.toEqual(halfOf(8));
  });

  it('leaves bookkeeping out unless every point is wanted', () => {
    const some = cellsOf(scenario('two-key'), [...both('generate'), ...both('step generate')]);
    expect(killsOf(select(some, { ...ALL, isEveryPoint: false }))).toHaveLength(2);
    expect(killsOf(select(some, ALL))).toHaveLength(4);
  });
});
