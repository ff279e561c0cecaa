import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { fold } from './fold.js';
import { replay, type Tape } from './histories/tape.js';
import type { World } from './histories/world.js';
import { PATHS, type StepName } from './paths.js';
import { nextStep, type Rotation } from './rotation.js';
import { upgraded, type StoredEntry } from './upgrade.js';

/** Recorded with the engine of this version, from the same model of a target. */
const tapesOf = (version: number): Tape[] =>
  readFileSync(new URL(`histories/version-${version}.jsonl`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Tape);

/** Every instant at which the process of that version may have been replaced: not within a transaction of our own. */
const instantsOf = (tapes: readonly Tape[]) =>
  tapes.flatMap((tape) =>
    tape.calls.flatMap(([, name], index) =>
      /^store\.(start|append)|^target(?!\.put)/.test(name) ? [{ tape, upTo: index + 1 }] : [],
    ),
  );

const rotationsOf = ({ store }: World): Rotation[] => store.rotations.map(({ folded }) => folded);

describe.each([1, 2])('a rotation that version %d of the engine began', (version) => {
  const tapes = tapesOf(version);
  const instants = instantsOf(tapes);

  it('is on tape at every step of every path, with every effect under way and everything that can be asked', () => {
    const at = new Set<string>();
    for (const { tape, upTo } of instants)
      for (const rotation of rotationsOf(replay(tape, upTo))) {
        const { path, inFlight, asking, session, change } = rotation;
        at.add(`${path} ${String(nextStep(rotation))}`);
        if (inFlight) at.add(`under way: ${inFlight.effect.do}`);
        if (session) at.add(`session: ${session.sentAtMs === null ? 'open' : 'sent'}`);
        if (change) at.add(`command: ${change.outcome}`);
        if (asking) at.add(`asks: ${asking.byPerson ? 'person' : 'probe'}`);
      }
    const steps = Object.entries(PATHS).flatMap(([path, names]) =>
      (names as readonly StepName[]).map((step) => `${path} ${step}`),
    );
    const effects = ['probe', 'open-session', 'end-session', 'set', 'retire'].map((effect) => `under way: ${effect}`);
    const commands = ['sent', 'applied', 'refused', 'unknown', 'not-landed'].map((outcome) => `command: ${outcome}`);
    const others = ['session: open', 'session: sent', 'asks: person', 'asks: probe'];
    expect([...steps, ...effects, ...commands, ...others].filter((each) => !at.has(each))).toEqual([]);
  });

  it('is brought to its end from every instant, with every invariant kept', () => {
    let ended = 0;
    for (const { tape, upTo } of instants) {
      const world = replay(tape, upTo);
      world.oracle.check();
      world.drain();
      if (world.store.open === null) ended += 1;
    }
    // The others are told as draining excuses: somebody moved CURRENT or edited the login, and nobody put it right.
    expect(ended / instants.length).toBeGreaterThan(0.7);
  });

  it('has a plan with a shape, on paths named by shapes, whatever version wrote the entries', () => {
    const [rotation] = replay(tapes[0]!, tapes[0]!.calls.length).store.rotations;
    const stored = rotation!.entries;
    expect(stored[0]).toMatchObject({ plan: { engineVersion: version } });
    const now = stored.map(upgraded);
    expect(now[0]).toMatchObject({
      plan: { engineVersion: 3, shape: fold(now).plan.shape, consumers: { kind: 'managed' } },
    });
    expect(now.map((entry) => upgraded(entry as StoredEntry))).toEqual(now);
  });
});
