import { createHash } from 'node:crypto';
import { faultsAt, type Fault } from './faults.js';
import { pointKey, type Point } from './protocol.js';
import type { Scenario } from './scenarios.js';

/** One fault at one point of one scenario. */
export interface Cell {
  readonly id: string;
  readonly scenario: Scenario;
  /** The step of the path to which the point belongs. */
  readonly step: string;
  readonly point: Point;
  readonly fault: Fault;
}

/**
 * Bookkeeping: a transaction that says that a step is finished, and nothing else. What is durable before and after it is
 * what is durable around the effects beside it, so these are left out unless every point is asked for.
 */
const isBookkeeping = ({ effect }: Point): boolean => effect.startsWith(STEP);

/** Entries of the journal by which a run is cut into steps, as points are named. */
const STEP = 'step ';
/** What comes after the last step. */
const END = 'end';
const TURN = /^(rollback-requested|turned)\b/;

/**
 * The cells of a scenario, computed from a run without any fault but its first: each point that it passed is one. A step
 * is known when it is finished, so a point belongs to the step that is finished next.
 */
export function cellsOf(scenario: Scenario, passed: readonly Point[]): Cell[] {
  const cells: Cell[] = [];
  const wanted = new Set(partOf(scenario, passed));
  let step = END;
  for (const point of passed.toReversed()) {
    if (isBookkeeping(point)) step = point.effect.slice(STEP.length);
    if (!wanted.has(point)) continue;
    const { effect, when, occurrence } = point;
    const place = `${scenario.name}/${step}/${effect.replaceAll(' ', '-')}#${occurrence}/${when}`;
    for (const fault of faultsAt(point, step === END).toReversed())
      cells.unshift({ id: `${place}/${fault}`, scenario, step, point, fault });
  }
  return cells;
}

function partOf({ name, part }: Scenario, passed: readonly Point[]): readonly Point[] {
  if (part === 'all') return passed;
  const turn = passed.findIndex(part === 'recovery' ? isBookkeeping : ({ effect }) => TURN.test(effect));
  if (turn < 0) throw new Error(`${name} went another way than it should.`);
  return part === 'recovery' ? passed.slice(0, turn) : passed.slice(turn);
}

export interface Selection {
  /** Names of scenarios; empty: all. */
  readonly plans: readonly string[];
  /** Empty: all. */
  readonly faults: readonly Fault[];
  /** Part of a cell's id; null: all. */
  readonly cell: string | null;
  /** Also points that differ from others in nothing durable. */
  readonly isEveryPoint: boolean;
  /** 1-based; cells are dealt out in turn after they were shuffled. */
  readonly shard: { readonly index: number; readonly of: number };
  readonly seed: number;
}

const WAITS_FOR_LEASE: ReadonlySet<Fault> = new Set<Fault>(['killed-by-lease', 'paused']);

/** In an order that the seed fixes, so that kinds of cells are mixed and a shard is a sample of all; long ones first. */
export function select(cells: readonly Cell[], { faults, cell, isEveryPoint, shard, seed }: Selection): Cell[] {
  const orderOf = ({ id }: Cell) => createHash('sha256').update(`${seed} ${id}`).digest('hex');
  return cells
    .filter(({ id }) => cell === null || id.includes(cell))
    .filter(({ fault }) => faults.length === 0 || faults.includes(fault))
    .filter(({ point }) => isEveryPoint || !isBookkeeping(point))
    .map((each) => ({ each, order: orderOf(each) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .filter((_, index) => index % shard.of === shard.index - 1)
    .map(({ each }) => each)
    .toSorted((a, b) => Number(WAITS_FOR_LEASE.has(b.fault)) - Number(WAITS_FOR_LEASE.has(a.fault)));
}

export const keyOf = (cell: Cell): string => pointKey(cell.point);
