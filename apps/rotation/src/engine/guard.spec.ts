import { describe, expect, it } from '@jest/globals';
import type { Consumer } from '@dsops/drivers/driver';
import { sighted, type EvidenceQuestion, type Sighting } from './consumers.js';
import { guard, PROOF_LASTS_MS, type GuardMoment, type GuardQuestion } from './guard.js';

const NOW = 1_000_000_000;
const aQuestion = (facts: Partial<GuardQuestion> = {}): GuardQuestion => ({
  ends: 'old',
  recorded: 'old',
  replacement: { isSealed: true, proof: { by: 'probe', proof: { verdict: 'accepted', atMs: NOW - 1_000 } } },
  control: { verdict: 'refused', atMs: NOW - 2_000 },
  publishedAtMs: NOW - 10_000,
  graceMs: 5_000,
  evidence: null,
  waiver: null,
  ...facts,
});
const aMoment = (facts: Partial<GuardMoment> = {}): GuardMoment => ({
  nowMs: NOW,
  checkOuts: [],
  sighting: null,
  jumps: [],
  isRestored: false,
  ...facts,
});
const missing = (question: Partial<GuardQuestion>, moment: Partial<GuardMoment> = {}) => {
  const answer = guard(aQuestion(question), aMoment(moment));
  return answer.allows
    ? []
    : answer.missing.map(({ rule, untilMs }) => (untilMs === null ? rule : `${rule} ${untilMs - NOW}`));
};
const held = { id: 'c1', versionId: 'old', grantedAtMs: NOW - 60_000, expiresAtMs: NOW + 30_000 };
const provenBy = (verdict: 'accepted' | 'refused' | 'errored', atMs: number): Partial<GuardQuestion> => ({
  replacement: { isSealed: true, proof: { by: 'probe', proof: { verdict, atMs } } },
});

describe('the guard of every effect that ends a value', () => {
  it('lets pass what is recorded, replaced, proven and waited for', () => expect(missing({})).toEqual([]));

  it.each<[string, Partial<GuardQuestion>, Partial<GuardMoment>, string[]]>([
    ['another id than the recorded one', { recorded: 'somebody-else' }, {}, ['recorded-id']],
    [
      'a replacement that is not sealed',
      { replacement: { ...aQuestion().replacement, isSealed: false } },
      {},
      ['replacement-sealed'],
    ],
    ['a replacement that was refused', provenBy('refused', NOW), {}, ['replacement-proven']],
    ['a replacement that could not be checked', provenBy('errored', NOW), {}, ['replacement-proven']],
    ['an old proof', provenBy('accepted', NOW - PROOF_LASTS_MS - 1), {}, ['replacement-proven']],
    ['a proof from the future', provenBy('accepted', NOW + 1), {}, ['replacement-proven']],
    [
      'one slot without an open session of the admin',
      { replacement: { isSealed: true, proof: { by: 'admin-path', isSessionOpen: false } } },
      {},
      ['replacement-proven'],
    ],
    ['a target that was not shown to refuse a wrong value', { control: null }, {}, ['path-proven']],
    ['a target that accepts anything', { control: { verdict: 'accepted', atMs: NOW } }, {}, ['path-proven']],
    ['a grace period that is not over', { graceMs: 15_000 }, {}, ['grace 5000']],
    ['a grace period that has not begun', { publishedAtMs: null }, {}, ['grace']],
    ['a value that somebody holds', {}, { checkOuts: [held] }, ['check-outs 30000']],
    ['a database that came from a copy', {}, { isRestored: true }, ['normal-mode']],
    [
      'all of it, and says so at once',
      { recorded: null, control: null, graceMs: 15_000 },
      { checkOuts: [held] },
      ['recorded-id', 'path-proven', 'grace 5000', 'check-outs 30000'],
    ],
  ])('refuses %s', (_, question, moment, expected) => expect(missing(question, moment)).toEqual(expected));

  it('waives waiting for an audited override, and never proof or the recorded id', () => {
    const waiver = { kind: 'failed', reason: 'the new value failed' } as const;
    expect(missing({ waiver, publishedAtMs: null }, { checkOuts: [held] })).toEqual([]);
    expect(missing({ waiver, recorded: null, control: null })).toEqual(['recorded-id', 'path-proven']);
  });

  it('waits on the way back for who holds a value that did not fail, and for no grace period', () => {
    const waiver = { kind: 'rollback', reason: 'a person wants it' } as const;
    expect(missing({ waiver, publishedAtMs: null }, { checkOuts: [held] })).toEqual(['check-outs 30000']);
    const evidence = { slot: 'b', isShown: false, cleared: null, quietForMs: null };
    expect(missing({ waiver, publishedAtMs: null, evidence })).toEqual(['evidence 30000']);
  });

  describe('of a value that somebody may use whom dsops does not see', () => {
    const evidence = (facts: Partial<EvidenceQuestion> = {}): Partial<GuardQuestion> => ({
      evidence: { slot: 'a', isShown: true, cleared: null, quietForMs: null, ...facts },
    });
    const billing = { login: 'app_a', address: '10.0.0.7', application: 'billing', since: null };
    const cron = { ...billing, application: 'cron' };
    const saw = (facts: Partial<Sighting> = {}): Partial<GuardMoment> => ({
      sighting: {
        ...{ slot: 'a', atMs: NOW - 1_000, consumers: [], isWhole: true, blindSpots: [], quietSinceMs: NOW - 90_000 },
        ...facts,
      },
    });
    const BILLING = 'app_a (billing) from 10.0.0.7';

    it.each<[string, Partial<EvidenceQuestion>, Partial<GuardMoment>, boolean]>([
      ['is not cleared by looking, however long nobody is seen', {}, saw({ quietSinceMs: 0 }), false],
      ['is cleared by a person', { cleared: [] }, saw(), true],
      ['is cleared by a person who saw who uses it', { cleared: [BILLING] }, saw({ consumers: [billing] }), true],
      ['is held again by who was not seen then', { cleared: [BILLING] }, saw({ consumers: [billing, cron] }), false],
      ['is held where nobody has looked since', { cleared: [] }, {}, false],
      ['is held by a look that is too old', { cleared: [] }, saw({ atMs: NOW - 61_000 }), false],
      ['is held by a look at another slot', { cleared: [] }, saw({ slot: 'b' }), false],
      ['is cleared by its standing answer', { quietForMs: 80_000 }, saw(), true],
      ['is held until that has come true', { quietForMs: 95_000 }, saw(), false],
      ['is held while no look has come after that', { quietForMs: 89_500 }, saw(), false],
      ['is held while somebody is seen', { quietForMs: 1 }, saw({ consumers: [billing], quietSinceMs: null }), false],
      ['is cleared by a person alone where sessions tell nothing', { isShown: false, cleared: [] }, {}, true],
      ['is held without one', { isShown: false, quietForMs: 1 }, saw(), false],
    ])('%s', (_, facts, moment, isAllowed) =>
      expect(missing(evidence(facts), moment)).toEqual(isAllowed ? [] : ['evidence 30000']),
    );

    it('does not take a clock that was set ahead for quiet', () => {
      const jumps = [{ atMs: NOW - 2_000, aheadMs: 85_000 }];
      const question = { ...evidence({ quietForMs: 80_000 }), publishedAtMs: NOW - 1_000, graceMs: 0 };
      expect(missing(question, { ...saw(), jumps })).toEqual(['evidence 30000']);
    });

    it('counts quiet from look to look, and anew after somebody was seen, after a gap, or when it could not look', () => {
      const seen = (...sessions: Consumer[]) => ({ sessions, isWhole: true, blindSpots: [] });
      const first = sighted(null, 'a', seen(), 1_000);
      expect(first.quietSinceMs).toBe(1_000);
      expect(sighted(first, 'a', seen(), 31_000).quietSinceMs).toBe(1_000);
      expect(sighted(first, 'a', seen(billing), 31_000)).toMatchObject({ quietSinceMs: null, consumers: [billing] });
      expect(sighted(first, 'b', seen(), 31_000).quietSinceMs).toBe(31_000);
      expect(sighted(first, 'a', seen(), 900_000).quietSinceMs).toBe(900_000);
      expect(sighted(first, 'a', { ...seen(), isWhole: false }, 31_000).quietSinceMs).toBeNull();
      const blind = sighted(sighted(first, 'a', seen(billing), 2_000), 'a', { notBecause: 'no answer' }, 31_000);
      expect(blind).toMatchObject({ quietSinceMs: null, consumers: [billing], isWhole: false });
    });
  });

  it('does not take a clock that was set ahead for time that has passed', () => {
    const jumps = [{ atMs: NOW - 1_000, aheadMs: 100_000 }];
    expect(missing({ publishedAtMs: NOW - 102_000, graceMs: 90_000 }, { jumps })).toEqual(['grace 88000']);
    const lent = { ...held, grantedAtMs: NOW - 150_000, expiresAtMs: NOW - 500 };
    expect(missing({ publishedAtMs: NOW - 900, graceMs: 0 }, { jumps, checkOuts: [lent] })).toEqual([
      'check-outs 99500',
    ]);
    // Of a wait that began after it was set, everything counts.
    expect(missing({ publishedAtMs: NOW - 900, graceMs: 800 }, { jumps })).toEqual([]);
  });
});
