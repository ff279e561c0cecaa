import { describe, expect, it } from '@jest/globals';
import type { Accepts } from '@dsops/drivers/kit/world';
import { Judge } from './judge.js';
import type { CellFacts, Records, Sight } from './sight.js';

/** Two passwords of one account: which slot holds which is known to our records, and not to whoever logs in. */
const facts: CellFacts = {
  isInPlace: false,
  slots: [
    { name: 'app#1', login: 'app' },
    { name: 'app#2', login: 'app' },
  ],
  graceMs: 0,
};
const version = (nth: number, label: 'CURRENT' | null) => ({
  id: `v${nth}`,
  name: `v${nth}`,
  slot: `app#${nth}`,
  label,
  endedAtMs: null,
  value: `value ${nth}`,
});
const records: Records = { atMs: 0, versions: [version(1, 'CURRENT'), version(2, null)], rotation: null, holds: [] };
const sightOf = (first: Accepts, second: Accepts): Sight => ({
  before: records,
  after: records,
  atMs: 1,
  accepted: new Map([
    ['app#1', first],
    ['app#2', second],
  ]),
});
const value = (nth: number): Accepts => ({ kind: 'value', value: `value ${nth}` });
const nobody: Accepts = { kind: 'nobody' };
const breachesIn = (sight: Sight) => {
  const judge = new Judge(facts);
  judge.see(sight);
  return judge.breaches.map(({ invariant }) => invariant);
};

describe('a judge of two slots with one login', () => {
  it('cares for what the login accepts, wherever the target keeps it', () => {
    expect(breachesIn(sightOf(value(1), value(2)))).toEqual([]);
    expect(breachesIn(sightOf(value(2), value(1)))).toEqual([]);
  });

  it('sees CURRENT refused by both', () => {
    expect(breachesIn(sightOf(nobody, value(2)))).toEqual(['I3']);
  });

  it('sees a login and the catalogue disagree, and does not take one slot for the other', () => {
    const sight = sightOf(value(1), nobody);
    const judge = new Judge(facts);
    judge.compare([{ login: 'app', value: 'value 1', isAccepted: true }], sight, sight);
    expect(judge.breaches).toEqual([]);
    judge.compare([{ login: 'app', value: 'value 2', isAccepted: true }], sight, sight);
    expect(judge.breaches.map(({ invariant }) => invariant)).toEqual(['oracle']);
  });
});
