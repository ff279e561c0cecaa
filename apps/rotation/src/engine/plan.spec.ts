import { describe, expect, it } from '@jest/globals';
import { isReversible, place, type RecordedVersion } from './plan.js';
import { stepLines } from './paths.js';

const version = (id: string, slot: string, facts: Partial<RecordedVersion> = {}): RecordedVersion => ({
  id,
  name: id,
  slot,
  login: slot,
  label: null,
  endedAtMs: 1,
  verdict: null,
  ...facts,
});
const current = (slot: string) => version('current', slot, { label: 'CURRENT', endedAtMs: null });
const slot = (name: string) => ({ name, login: name });
const both = [slot('a'), slot('b')];

describe('where a new value goes', () => {
  it('is the slot that is not CURRENT, with two', () =>
    expect(place('two-key', both, [current('b')])).toMatchObject({ targetSlot: slot('a'), occupant: null }));

  it('is the slot of CURRENT, in place', () =>
    expect(place('immediate', both, [current('b')])).toMatchObject({ targetSlot: slot('b'), occupant: null }));

  it('is the first slot when nothing is CURRENT', () =>
    expect(place('two-key', both, [])).toMatchObject({ targetSlot: slot('a'), oldVersion: null }));

  it('is occupied as long as a value in it was not proven to be refused', () => {
    const left = version('left', 'a', { endedAtMs: null });
    expect(place('two-key', both, [version('older', 'a'), left, current('b')])).toMatchObject({
      occupant: { id: 'left' },
    });
    expect(place('two-key', both, [version('left', 'a'), current('b')])).toMatchObject({ occupant: null });
  });

  it('is nowhere with too few slots, or when CURRENT is in none of them', () => {
    expect(place('two-key', [slot('a')], [current('a')])).toEqual({ impossible: 'needs_two_slots' });
    expect(place('immediate', [slot('a')], [current('x')])).toEqual({ impossible: 'slot_unknown' });
  });
});

describe('a plan', () => {
  const ref = { id: 'v', name: 'v', slot: 'a', login: 'a' };

  it('has a way back where the old value lives on, or can be set again', () => {
    const facts = { refusesOldValues: true } as never;
    expect(isReversible({ strategy: 'two-key', oldVersion: ref, facts })).toBe(true);
    expect(isReversible({ strategy: 'immediate', oldVersion: ref, facts })).toBe(false);
    expect(isReversible({ strategy: 'two-key', oldVersion: null, facts })).toBe(false);
  });

  it('shows the steps that will have something to do', () => {
    const names = (facts: Parameters<typeof stepLines>[0]) => stepLines(facts).map(({ name }) => name);
    expect(names({ strategy: 'two-key', oldVersion: ref, occupant: ref })).toContain('clear-slot');
    const first = names({ strategy: 'two-key', oldVersion: null, occupant: null });
    expect(first).toEqual(['check-path', 'generate', 'set', 'probe-new', 'promote', 'publish', 'complete']);
  });
});
