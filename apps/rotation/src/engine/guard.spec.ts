import { describe, expect, it } from '@jest/globals';
import { guard, PROOF_LASTS_MS, type GuardMoment, type GuardQuestion } from './guard.js';

const NOW = 1_000_000_000;
const aQuestion = (facts: Partial<GuardQuestion> = {}): GuardQuestion => ({
  ends: 'old',
  recorded: 'old',
  replacement: { isSealed: true, proof: { by: 'probe', proof: { verdict: 'accepted', atMs: NOW - 1_000 } } },
  control: { verdict: 'refused', atMs: NOW - 2_000 },
  publishedAtMs: NOW - 10_000,
  graceMs: 5_000,
  waiver: null,
  ...facts,
});
const aMoment = (facts: Partial<GuardMoment> = {}): GuardMoment => ({
  nowMs: NOW,
  checkOuts: [],
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
    const waiver = { kind: 'rollback', reason: 'the new value failed' } as const;
    expect(missing({ waiver, publishedAtMs: null }, { checkOuts: [held] })).toEqual([]);
    expect(missing({ waiver, recorded: null, control: null })).toEqual(['recorded-id', 'path-proven']);
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
