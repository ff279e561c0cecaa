import { describe, expect, it } from '@jest/globals';
import { place, type RecordedVersion } from './plan.js';
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
    expect(place('side-by-side', both, [current('b')])).toMatchObject({ targetSlot: slot('a'), occupant: null }));

  it('is the slot of CURRENT, in place', () =>
    expect(place('in-place', both, [current('b')])).toMatchObject({ targetSlot: slot('b'), occupant: null }));

  it('is the first slot when nothing is CURRENT', () =>
    expect(place('side-by-side', both, [])).toMatchObject({ targetSlot: slot('a'), oldVersion: null }));

  it('is occupied as long as a value in it was not proven to be refused', () => {
    const left = version('left', 'a', { endedAtMs: null });
    expect(place('side-by-side', both, [version('older', 'a'), left, current('b')])).toMatchObject({
      occupant: { id: 'left' },
    });
    expect(place('side-by-side', both, [version('left', 'a'), current('b')])).toMatchObject({ occupant: null });
  });

  it('is nowhere with too few slots, or when CURRENT is in none of them', () => {
    expect(place('side-by-side', [slot('a')], [current('a')])).toEqual({ impossible: 'too_few_slots' });
    expect(place('in-place', [slot('a')], [current('x')])).toEqual({ impossible: 'slot_unknown' });
  });
});

describe('a plan', () => {
  const ref = { id: 'v', name: 'v', slot: 'a', login: 'a' };

  it('shows the steps that will have something to do', () => {
    const names = (facts: Parameters<typeof stepLines>[0]) => stepLines(facts).map(({ name }) => name);
    expect(names({ shape: 'side-by-side', oldVersion: ref, occupant: ref })).toContain('clear-slot');
    const first = names({ shape: 'side-by-side', oldVersion: null, occupant: null });
    expect(first).toEqual(['check-path', 'generate', 'set', 'probe-new', 'promote', 'publish', 'complete']);
  });
});
