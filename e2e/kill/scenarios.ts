import type { Strategy } from '@dsops/contracts/rotation/strategies';
import type { ExpectedEnd } from './end-judge.js';
import type { CellNeeds } from './world.js';

/** How a rotation is made to go one way: its plan, and what turns it back. */
export interface Scenario extends CellNeeds {
  readonly name: string;
  readonly strategy: Strategy;
  /** The point, by key, at which a person asks to go back; null when nobody does. */
  readonly rollBackAt: string | null;
  /** The point at which a first process is killed before anything else; null when the first one is the one to kill. */
  readonly firstKillAt: string | null;
  /**
   * Which part of it makes cells, because the rest is covered elsewhere: all of it, from the turn on, or what the process
   * does that goes on after the first kill, until it is back on the path.
   */
  readonly part: 'all' | 'way-back' | 'recovery';
  readonly expected: ExpectedEnd;
}

const COMPLETED: ExpectedEnd = { state: 'completed', current: 'new' };
const ROLLED_BACK: ExpectedEnd = { state: 'rolled_back', current: 'imported' };
const passes = () => 'select 1';

/**
 * Both plans; each way back out of them, by itself and because somebody asked for it; and what a process does that finds
 * a command whose worker vanished.
 */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'two-key',
    strategy: 'two-key',
    graceMs: 300,
    verification: passes,
    rollBackAt: null,
    firstKillAt: null,
    part: 'all',
    expected: COMPLETED,
  },
  {
    name: 'immediate',
    strategy: 'immediate',
    graceMs: 0,
    verification: passes,
    rollBackAt: null,
    firstKillAt: null,
    part: 'all',
    expected: COMPLETED,
  },
  {
    // The new login may log in and may not do its work: found before it is promoted.
    name: 'two-key-undo',
    strategy: 'two-key',
    graceMs: 300,
    verification: ({ slots }) => `select 1 / (session_user <> '${slots[1]}')::int`,
    rollBackAt: null,
    firstKillAt: null,
    part: 'way-back',
    expected: ROLLED_BACK,
  },
  {
    name: 'two-key-return',
    strategy: 'two-key',
    graceMs: 3_600_000,
    verification: passes,
    rollBackAt: 'publish#1/after',
    firstKillAt: null,
    part: 'way-back',
    expected: ROLLED_BACK,
  },
  {
    name: 'immediate-undo',
    strategy: 'immediate',
    graceMs: 0,
    verification: ({ slots }) => `select ${slots[0]}_verify()`,
    rollBackAt: null,
    firstKillAt: null,
    part: 'way-back',
    expected: ROLLED_BACK,
  },
  {
    name: 'immediate-return',
    strategy: 'immediate',
    graceMs: 0,
    verification: passes,
    rollBackAt: 'publish#1/after',
    firstKillAt: null,
    part: 'way-back',
    expected: ROLLED_BACK,
  },
  {
    name: 'two-key-set-again',
    strategy: 'two-key',
    graceMs: 300,
    verification: passes,
    rollBackAt: null,
    firstKillAt: 'set#1/before',
    part: 'recovery',
    expected: COMPLETED,
  },
  {
    name: 'two-key-retire-again',
    strategy: 'two-key',
    graceMs: 300,
    verification: passes,
    rollBackAt: null,
    firstKillAt: 'retire#1/before',
    part: 'recovery',
    expected: COMPLETED,
  },
  {
    name: 'immediate-set-again',
    strategy: 'immediate',
    graceMs: 0,
    verification: passes,
    rollBackAt: null,
    firstKillAt: 'set#1/before',
    part: 'recovery',
    expected: COMPLETED,
  },
];
