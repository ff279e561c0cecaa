import { describe, expect, it } from '@jest/globals';
import { eventually } from '@dsops/testing';
import { Gathering, type GatheringRules } from './gathering.js';

/** Work that stands still until it is let go, and answers each item with itself in capitals. */
function stage(rules: Partial<GatheringRules> = {}) {
  const works: { readonly items: readonly string[]; readonly end: PromiseWithResolvers<void> }[] = [];
  const gathering = new Gathering<string, string>(
    async (items) => {
      const end = Promise.withResolvers<void>();
      works.push({ items, end });
      await end.promise;
      return items.map((item) => item.toUpperCase());
    },
    { atOnce: 1, mostItems: 100, slowMs: 60_000, ...rules },
  );
  return { gathering, works, seen: () => works.map(({ items }) => items.join('')) };
}

describe('gathering', () => {
  it('begins at once, puts together what comes meanwhile, and gives everybody their own answers', async () => {
    const { gathering, works, seen } = stage();
    const answers = [gathering.add(['a', 'b']), gathering.add(['c']), gathering.add(['d', 'e'])];
    expect(seen()).toEqual(['ab']);
    works[0]!.end.resolve();
    await eventually(() => expect(seen()).toEqual(['ab', 'cde']));
    works[1]!.end.resolve();
    expect(await Promise.all(answers)).toEqual([['A', 'B'], ['C'], ['D', 'E']]);
  });

  it('has as many at work as it may, and no more than so many items in one', async () => {
    const { gathering, works, seen } = stage({ atOnce: 2, mostItems: 3 });
    for (const items of ['a', 'b', 'cd', 'e', 'fghi', 'j']) void gathering.add([...items]);
    expect(seen()).toEqual(['a', 'b']);
    works[0]!.end.resolve();
    await eventually(() => expect(seen()).toEqual(['a', 'b', 'cde']));
    works[1]!.end.resolve();
    await eventually(() => expect(seen()).toEqual(['a', 'b', 'cde', 'fghi']));
    works[2]!.end.resolve();
    await eventually(() => expect(seen()).toEqual(['a', 'b', 'cde', 'fghi', 'j']));
  });

  it('does not wait for one that hangs', async () => {
    const { gathering, seen } = stage({ slowMs: 20 });
    void gathering.add(['a']);
    void gathering.add(['b']);
    await eventually(() => expect(seen()).toEqual(['a', 'b']));
  });

  it('tells everybody who was in it when it fails, and goes on', async () => {
    const { gathering, works } = stage();
    const first = gathering.add(['a']);
    const [second, third] = [gathering.add(['b']), gathering.add(['c'])];
    works[0]!.end.resolve();
    await first;
    await eventually(() => expect(works).toHaveLength(2));
    works[1]!.end.reject(new Error('away'));
    await expect(second).rejects.toThrow('away');
    await expect(third).rejects.toThrow('away');
    const fourth = gathering.add(['d']);
    works[2]!.end.resolve();
    expect(await fourth).toEqual(['D']);
  });
});
