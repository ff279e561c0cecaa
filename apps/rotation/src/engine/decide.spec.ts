import { describe, expect, it } from '@jest/globals';
import type { Consumer, DriverFacts } from '@dsops/drivers/driver';
import { sighted } from './consumers.js';
import { fold } from './fold.js';
import { decide } from './decide.js';
import type { Effect, Entry, Happening, Outcome, Subject, TargetEffect } from './journal.js';
import type { Observation } from './view.js';
import type { Plan } from './plan.js';
import { stateOf, type Rotation } from './rotation.js';
import { canRollBack } from './way-back.js';

const FACTS: DriverFacts = {
  abandonment: { by: 'ending-session' },
  propagationMs: 0,
  lockout: null,
  refusesOldValues: false,
  evidence: { source: 'sessions', covers: 'sessions', blindSpots: ['short ones'] },
};
const aPlan = (facts: Partial<Plan> = {}): Plan => ({
  engineVersion: 3,
  rotationId: 'r',
  serviceId: 's',
  credentialId: 'c',
  strategy: 'two-key',
  shape: 'side-by-side',
  target: { host: 'db', port: 5432, database: 'shop', sslMode: 'disable' },
  facts: FACTS,
  newVersion: { id: 'new', name: 'new', slot: 'b', login: 'b' },
  oldVersion: { id: 'old', name: 'old', slot: 'a', login: 'a' },
  occupant: null,
  graceMs: 0,
  consumers: { kind: 'managed' },
  areHoldsHonoured: true,
  verification: { check: { query: 'SELECT 1' }, timeoutMs: 30_000 },
  isRollbackAutomatic: true,
  endSessions: false,
  earlierWrongLogins: [],
  ...facts,
});

/** A rotation that is led through its journal: what it decides is written, and answered as the test says. */
class Story {
  private readonly entries: Entry[];
  nowMs = 1_000;
  observation: Observation = { heldSession: null, checkOuts: [], sighting: null, jumps: [], isRestored: false };

  constructor(plan: Partial<Plan> = {}) {
    this.entries = [{ seq: 1, atMs: this.nowMs, kind: 'planned', plan: aPlan(plan) }];
  }

  get rotation(): Rotation {
    return fold(JSON.parse(JSON.stringify(this.entries)) as Entry[]);
  }

  get next(): Effect | null {
    return decide(this.rotation, this.observation, this.nowMs);
  }

  write(happening: Happening): this {
    this.entries.push({ seq: this.entries.length + 1, atMs: this.nowMs, ...happening });
    return this;
  }

  ended(outcome: Outcome): this {
    this.write({ kind: 'ended', outcome, durationMs: 1 });
    if (outcome.kind === 'opened') this.observation = { ...this.observation, heldSession: this.entries.length };
    return this;
  }

  /** Goes on until this effect is intended; everything before it works as it should. */
  until(what: TargetEffect['do'], subject?: Subject): this {
    for (let i = 0; i < 60; i++) {
      const { next } = this;
      if (next?.do === 'sample') {
        this.look(next.slot);
        continue;
      }
      if (!next || next.do === 'wait') throw new Error(`It stands still before ${what}.`);
      if (next.do === 'journal') this.write(next.happening);
      else if (next.do === 'generate') this.write({ kind: 'generated', name: 'new' });
      else if (next.do === 'move-labels') this.write({ kind: 'labels-moved', to: next.to });
      else if (next.do === 'publish') this.write({ kind: 'published' });
      else {
        this.write({ kind: 'intended', effect: next });
        if (next.do === what && (!subject || (next.do === 'probe' && next.subject === subject))) return this;
        this.ended(this.usual(next));
      }
    }
    throw new Error(`It never came to ${what}.`);
  }

  /** Does what it decides, and it works as it should. */
  step(): this {
    const { next } = this;
    if (!next || next.do === 'wait') throw new Error('It stands still.');
    if (next.do === 'sample') return this.look(next.slot);
    if (next.do === 'journal') return this.write(next.happening);
    if (next.do === 'generate') return this.write({ kind: 'generated', name: 'new' });
    if (next.do === 'move-labels') return this.write({ kind: 'labels-moved', to: next.to });
    if (next.do === 'publish') return this.write({ kind: 'published' });
    return this.write({ kind: 'intended', effect: next }).ended(this.usual(next));
  }

  /** Who is seen to use the slot now. */
  look(slot: string, ...sessions: Consumer[]): this {
    const seen = { sessions, isWhole: true, blindSpots: [] };
    const sighting = sighted(this.observation.sighting, slot, seen, this.nowMs);
    this.observation = { ...this.observation, sighting };
    return this;
  }

  private usual(effect: TargetEffect): Outcome {
    switch (effect.do) {
      case 'probe':
        return {
          kind: 'probed',
          verdict: effect.subject === 'control' || this.rotation.isRetireIntended ? 'refused' : 'accepted',
          isVerification: false,
          note: '',
        };
      case 'open-session':
        return { kind: 'opened', identity: { pid: this.entries.length } };
      case 'end-session':
        return { kind: 'session-ended' };
      case 'set':
      case 'retire':
        return { kind: 'applied' };
    }
  }
}

const said = (verdict: 'accepted' | 'refused' | 'errored', isVerification = false): Outcome => ({
  kind: 'probed',
  verdict,
  isVerification,
  note: '',
});
const ALICE = { kind: 'user', id: 'alice', name: 'Alice' } as const;

describe('a decision', () => {
  it('begins with a random wrong value, before anything else', () =>
    expect(new Story().next).toMatchObject({ do: 'probe', subject: 'control', slot: 'b' }));

  it('ends the session of an abandoned command before anything else happens', () => {
    const story = new Story().until('set');
    story.observation = { ...story.observation, heldSession: null };
    expect(story.next).toMatchObject({ happening: { kind: 'abandoned' } });
    story.write({ kind: 'abandoned' });
    expect(story.next).toMatchObject({ do: 'end-session' });
    story.write({ kind: 'rollback-requested', actor: ALICE, reason: 'x' });
    expect(story.next).toMatchObject({ do: 'end-session' });
  });

  it('waits for the bound where an attempt cannot be ended, and asks a person where there is no bound', () => {
    const waits = new Story({ facts: { ...FACTS, abandonment: { by: 'waiting', boundMs: 9_000 } } }).until('set');
    waits.ended({ kind: 'lost', message: '' });
    expect(waits.next).toEqual({ do: 'wait', untilMs: 10_000 });
    const asks = new Story({ facts: { ...FACTS, abandonment: { by: 'none' } } }).until('set');
    asks.ended({ kind: 'lost', message: '' });
    expect(asks.next).toMatchObject({
      happening: { kind: 'asked', ask: { code: 'attempt_abandoned', byPerson: true } },
    });
  });

  it('probes after a lost answer, and sends the same value again when it did not land', () => {
    const story = new Story().until('set').ended({ kind: 'lost', message: '' }).until('probe', 'new');
    expect(stateOf(story.rotation)).toBe('rotating');
    story.ended(said('refused'));
    expect(story.next).toMatchObject({ happening: { kind: 'not-landed' } });
    expect(story.until('set').rotation.inFlight?.effect).toMatchObject({ versionId: 'new' });
  });

  it('goes back when the new value is refused and the old one accepted', () => {
    const story = new Story().until('probe', 'new').ended(said('refused'));
    expect(story.next).toMatchObject({
      happening: { kind: 'turned', path: 'side-by-side-undo', trigger: 'automatic' },
    });
  });

  it('goes back at once when only the verification fails', () =>
    expect(new Story().until('probe', 'new').ended(said('refused', true)).next).toMatchObject({
      happening: { kind: 'turned', error: { code: 'verification_failed' } },
    }));

  it('believes no accepted login without a random wrong value that was refused on the slot shortly before', () => {
    const story = new Story().until('probe', 'new').ended(said('accepted'));
    story.nowMs += 50_000;
    expect(story.next).toMatchObject({ happening: { kind: 'step', step: 'probe-new' } });
    story.nowMs += 11_000;
    expect(story.next).toMatchObject({ do: 'probe', subject: 'control', slot: 'b' });
  });

  it('does not take "could not check" for a failure, and asks after a while', () => {
    const story = new Story().until('probe', 'new').ended(said('errored'));
    const kinds: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { next } = story;
      if (next?.do !== 'journal') throw new Error('It did not say that it looks again.');
      kinds.push(next.happening.kind);
      story.write(next.happening);
      story.nowMs += 60_000;
      if (i < 4) story.until('probe', 'new').ended(said('errored'));
    }
    expect(kinds).toEqual(['again', 'again', 'again', 'again', 'asked']);
    expect(stateOf(story.rotation)).toBe('needs_operator');
    // A conclusive probe resumes it.
    story.until('probe', 'new').ended(said('accepted'));
    expect(story.next).toMatchObject({ happening: { kind: 'resumed', by: 'probe' } });
  });

  it.each([
    [true, 'first_value_unverified', { kind: 'step', step: 'probe-new', outcome: 'unverified' }],
    [false, 'first_value_refused', { kind: 'concluded', state: 'failed' }],
  ])('calls no first value failed that the target has: a person decides (%#)', (isVerification, code, judged) => {
    const story = new Story({ oldVersion: null });
    for (let i = 0; i < 5; i++) {
      story.until('probe', 'new').ended(said('refused', isVerification));
      const { next } = story;
      if (next?.do !== 'journal') throw new Error('It did not say what comes next.');
      story.write(next.happening);
      story.nowMs += 60_000;
    }
    expect(stateOf(story.rotation)).toBe('needs_operator');
    expect(story.rotation.asking).toMatchObject({ code });
    story.write({ kind: 'resumed', by: 'person', actor: { kind: 'user', id: 'u', name: 'Bo' }, reason: 'seen' });
    story.until('probe', 'new').ended(said('refused', isVerification));
    expect(story.next).toMatchObject({ happening: judged });
  });

  it('fails at once when the target refuses the value, and has changed nothing', () => {
    const error = { code: 'target_refused', about: 'target' as const, message: 'no', remedy: null };
    const { next } = new Story().until('set').ended({ kind: 'refused', failure: { ...error, isPassing: false } });
    expect(next).toMatchObject({ happening: { kind: 'concluded', state: 'failed', error } });
  });

  it('ends the old value only after grace and check-outs, by its recorded id', () => {
    const story = new Story({ graceMs: 60_000 });
    expect(() => story.until('retire')).toThrow(/stands still/);
    expect(story.next).toEqual({ do: 'wait', untilMs: 61_000 });
    story.nowMs = 61_000;
    story.observation = {
      ...story.observation,
      checkOuts: [{ id: 'x', versionId: 'old', grantedAtMs: 1_000, expiresAtMs: 70_000 }],
    };
    expect(() => story.until('retire')).toThrow(/stands still/);
    story.nowMs = 70_000;
    expect(story.until('retire').rotation.inFlight?.effect).toMatchObject({ slot: 'a', versionId: 'old', ends: 'old' });
    expect(canRollBack(story.rotation)).toBe('retire-intended');
  });

  it('asks before it ends a login that somebody else has changed', () => {
    const story = new Story({ graceMs: 100_000 });
    expect(() => story.until('retire')).toThrow();
    story.nowMs = 101_000;
    story.until('probe', 'old').ended(said('refused'));
    expect(story.next).toMatchObject({ happening: { kind: 'asked', ask: { code: 'foreign_edit', byPerson: true } } });
  });

  it('does nothing in mode restored but ask', () => {
    const story = new Story().until('open-session').ended({ kind: 'opened', identity: {} });
    story.observation = { ...story.observation, isRestored: true };
    expect(story.next).toMatchObject({ happening: { kind: 'asked', ask: { code: 'restored' } } });
  });

  it('leaves wrong logins to the applications: it waits when the lock-out budget is used up', () => {
    const wrong = (slot: string, atMs: number) => ({ slot, atMs });
    const story = new Story({
      facts: { ...FACTS, lockout: { attempts: 3, windowMs: 10_000 } },
      earlierWrongLogins: [wrong('b', 500), wrong('b', 800)],
    });
    expect(story.next).toEqual({ do: 'wait', untilMs: 10_500 });
  });
});

describe('the end of a value that somebody may use whom dsops does not see', () => {
  const DAY_MS = 86_400_000;
  const consumers = { kind: 'unmanaged', maxGraceMs: 7 * DAY_MS, quietForMs: null } as const;
  const billing = { login: 'a', address: '10.0.0.7', application: 'billing', since: null };
  const cron = { ...billing, application: 'cron' };
  const clears = (names: string[], checkOuts: string[] = []): Happening => ({
    ...{ kind: 'cleared', versionId: 'old', actor: ALICE, reason: 'redeployed', consumers: names, checkOuts },
  });
  /** Promoted and published; the next is to look who uses the old value. */
  const published = (plan: Partial<Plan> = {}): Story => {
    const story = new Story({ consumers, ...plan });
    for (let i = 0; i < 60 && story.next?.do !== 'sample'; i++) {
      const next = story.next!;
      if (next.do === 'wait') break;
      story.step();
    }
    return story;
  };
  /** Writes what is to be journalled until it waits, looks or touches the target. */
  const settle = (story: Story): Effect | null => {
    for (let next = story.next; ; next = story.next)
      if (next?.do === 'journal') story.write(next.happening);
      else return next;
  };

  it('is looked for before it waits, and a person is asked at once, with the names of who is seen', () => {
    const story = published();
    expect(story.next).toEqual({ do: 'sample', slot: 'a' });
    story.look('a', billing);
    expect(story.next).toMatchObject({
      happening: { kind: 'evidence-wanted', versionId: 'old', consumers: [billing], blindSpots: ['short ones'] },
    });
    expect(settle(story)).toEqual({ do: 'wait', untilMs: story.nowMs + 30_000 });
    expect(story.rotation.waiting?.reason).toBe('Waiting for a word that nobody uses a any more.');
  });

  it('waits however long nobody is seen, and writes nothing down meanwhile', () => {
    const story = published().look('a');
    settle(story);
    const { seq } = story.rotation;
    for (let days = 0; days < 6; days++) {
      story.nowMs += DAY_MS;
      expect(settle(story)).toEqual({ do: 'sample', slot: 'a' });
      story.look('a');
      expect(settle(story)).toMatchObject({ do: 'wait' });
    }
    expect(story.rotation.seq).toBe(seq);
  });

  it('is asked for again when the longest grace is over', () => {
    const story = published().look('a');
    settle(story);
    story.nowMs += 7 * DAY_MS;
    story.look('a', cron);
    expect(story.next).toMatchObject({ happening: { kind: 'evidence-wanted', consumers: [cron] } });
  });

  it('comes when a person has said so, and waits and asks again when somebody else is seen', () => {
    const story = published().look('a', billing);
    settle(story);
    story.write(clears(['a (billing) from 10.0.0.7'])).look('a', billing, cron);
    expect(story.next).toMatchObject({ happening: { kind: 'evidence-wanted' } });
    settle(story);
    story.write(clears(['a (billing) from 10.0.0.7', 'a (cron) from 10.0.0.7']));
    expect(story.until('retire').rotation.isRetireIntended).toBe(true);
  });

  it('comes unasked by a standing answer, when no look has seen anybody for so long', () => {
    const story = published({ consumers: { ...consumers, quietForMs: DAY_MS } }).look('a');
    expect(settle(story)).toMatchObject({ do: 'wait' });
    expect(story.rotation.asked).toBeNull();
    for (let ms = 0; ms <= DAY_MS; ms += 300_000) {
      story.nowMs += 300_000;
      if (settle(story)?.do !== 'sample') break;
      if (ms < DAY_MS - 300_000) story.look('a');
    }
    expect(story.rotation.isRetireIntended).toBe(false);
    expect(story.look('a').until('retire').rotation.isRetireIntended).toBe(true);
  });

  it('is not waited for where all consumers are managed', () =>
    expect(new Story().until('retire').rotation.isRetireIntended).toBe(true));

  it('is looked for in the slot that a new value would take: what an earlier rotation left there may be in use', () => {
    const occupant = { id: 'left', name: 'left', slot: 'b', login: 'b' };
    const story = published({ occupant });
    expect(story.next).toEqual({ do: 'sample', slot: 'b' });
    story.look('b', { ...billing, login: 'b' });
    expect(settle(story)).toMatchObject({ do: 'wait' });
    expect(story.rotation).toMatchObject({ isGenerated: false, waiting: { step: 'clear-slot' } });
  });
});

describe('a check-out', () => {
  const holds = (versionId: string) => [{ id: 'c1', versionId, grantedAtMs: 1_000, expiresAtMs: 1_000_000 }];
  /** Promoted, in its grace period, and asked to go back: CURRENT is the old value again. */
  const goesBack = (): Story => {
    const story = new Story({ graceMs: 600_000 });
    for (let i = 0; i < 60 && story.next?.do !== 'wait'; i++) story.step();
    story.write({ kind: 'rollback-requested', actor: ALICE, reason: 'logins fail' });
    for (let i = 0; i < 60 && stateOf(story.rotation) !== 'rolled_back'; i++) story.step();
    return story;
  };

  it('holds a value that was promoted on the way back: the labels move at once, the value ends later', () => {
    const story = goesBack();
    expect(story.rotation).toMatchObject({ current: 'old', conclusion: { state: 'rolled_back' }, isSettled: false });
    story.observation = { ...story.observation, checkOuts: holds('new') };
    expect(story.next).toMatchObject({
      happening: { kind: 'waiting', untilMs: 1_000_000, reason: 'Waiting for a check-out of the new value (c1).' },
    });
    story.observation = { ...story.observation, checkOuts: [] };
    expect(story.until('retire').rotation.inFlight?.effect).toMatchObject({
      ends: 'new',
      waiver: { kind: 'rollback' },
    });
  });

  it('holds it no longer when a person who saw it has overridden it', () => {
    const story = goesBack();
    story.observation = { ...story.observation, checkOuts: holds('new') };
    story.write({
      kind: 'cleared',
      versionId: 'new',
      actor: ALICE,
      reason: 'it is gone',
      consumers: [],
      checkOuts: ['c1'],
    });
    expect(story.until('retire').rotation.inFlight?.effect).toMatchObject({ ends: 'new' });
  });

  it('holds a value in place where the own strategy of the credential has promised so', () => {
    const inPlace = { shape: 'in-place', newVersion: { id: 'new', name: 'new', slot: 'a', login: 'a' } } as const;
    const story = new Story(inPlace);
    story.observation = { ...story.observation, checkOuts: holds('old') };
    for (let i = 0; i < 60 && story.next?.do !== 'wait'; i++) story.step();
    expect(story.rotation).toMatchObject({ waiting: { step: 'set' }, newValue: 'absent' });
    const other = new Story({ ...inPlace, areHoldsHonoured: false });
    other.observation = story.observation;
    expect(other.until('set').rotation.newValue).toBe('possible');
  });
});
