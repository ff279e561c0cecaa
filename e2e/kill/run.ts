import { randomBytes } from 'node:crypto';
import type { Processes } from './cast.js';
import { cellsOf, keyOf, select, type Cell, type Selection } from './cells.js';
import { CourseRun, type Course, type PlannedFault } from './course.js';
import type { Fault } from './faults.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import type { RollbackTimes } from './records-reader.js';
import type { World } from './world.js';

/** What became of a cell. `recovered`: the fault happened at its point, and nothing that was promised was broken. */
export interface CellResult {
  readonly id: string;
  readonly scenario: string;
  readonly step: string;
  readonly effect: string;
  readonly when: 'before' | 'after' | 'never' | 'anywhere';
  readonly fault: Fault | 'none';
  readonly outcome: 'recovered' | 'broken' | 'not reached' | 'error';
  readonly state: string;
  readonly recoveryMs: number | null;
  readonly durationMs: number | null;
  readonly windowMs: number;
  readonly rollback: RollbackTimes | null;
  readonly looks: number;
  readonly logins: number;
  readonly checkOuts: number;
  /** What was broken, as `invariant: what happened`. */
  readonly problems: readonly string[];
}

export interface Progress {
  readonly done: number;
  readonly of: number;
  readonly result: CellResult;
}

export interface RunOptions extends Selection {
  /** Kills at random instants, beside the cells. */
  readonly randomKills: number;
  /** Verifications that fail, and nothing else: how fast is it back? */
  readonly rollbacks: number;
  /** Results of an earlier run on the same sources: not done again. */
  readonly known: ReadonlyMap<string, CellResult>;
  /** Nothing new is begun once it is aborted. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

export interface RunResult {
  /** Rotations in which nothing was done to anybody: they tell the cells, and are judged as well. */
  readonly plain: readonly CellResult[];
  readonly cells: readonly CellResult[];
  readonly random: readonly CellResult[];
  readonly rollbacks: readonly CellResult[];
  /** Names of scenarios that this kind of target cannot play. */
  readonly leftOut: readonly string[];
}

type RunCourse = (scenario: Scenario, faults: readonly PlannedFault[]) => Promise<Course>;

/** Runs each scenario once without faults, which tells its cells, and then each selected cell; one in each world. */
export async function runMatrix(
  worlds: readonly World[],
  processes: Processes,
  options: RunOptions,
): Promise<RunResult> {
  const chosen = SCENARIOS.filter(({ name }) => options.plans.length === 0 || options.plans.includes(name));
  const scenarios = (await worlds[0]?.playable(chosen)) ?? [];
  let started = 0;
  const courseIn = (world: World): RunCourse => {
    return async (scenario, faults) => {
      started += 1;
      const isAhead = faults.some((fault) => 'fault' in fault && fault.fault === 'clock-ahead');
      const needs = isAhead ? { ...scenario, graceMs: Math.max(scenario.graceMs, FELT_GRACE_MS) } : scenario;
      const cell = await world.prepare(`c${started}`, needs);
      try {
        const first = scenario.firstKillAt === null ? [] : [{ at: scenario.firstKillAt, fault: 'killed' as const }];
        return await new CourseRun(processes, needs, cell).run([...first, ...faults]);
      } finally {
        await cell.drop();
      }
    };
  };
  const perform = async <T extends { readonly id: string }>(
    work: readonly T[],
    run: (one: T, course: RunCourse) => Promise<CellResult>,
  ): Promise<CellResult[]> => {
    const results = new Map<string, CellResult>();
    const waiting = [...work];
    const lane = async (world: World) => {
      for (let one = waiting.shift(); one !== undefined && !options.signal.aborted; one = waiting.shift()) {
        const result = options.known.get(one.id) ?? (await run(one, courseIn(world)));
        // What was interrupted in the middle shows nothing.
        if (options.signal.aborted) return;
        results.set(one.id, result);
        options.onProgress({ done: results.size, of: work.length, result });
      }
    };
    await Promise.all(worlds.slice(0, work.length).map(lane));
    return work.flatMap(({ id }) => results.get(id) ?? []);
  };

  const found = new Map<string, Cell[]>();
  const plain = await perform(
    scenarios.map((scenario) => ({ id: scenario.name, scenario })),
    async ({ scenario }, course) => {
      const { result, cells } = await runPlain(scenario, course);
      found.set(scenario.name, cells);
      return result;
    },
  );
  const order = scenarios.flatMap(({ name }) => found.get(name) ?? []);
  const results = new Map((await perform(select(order, options), runCell)).map((result) => [result.id, result]));
  const random = await perform(randomKills(scenarios, plain, options), runRandom);
  const failing = scenarios.filter(({ name }) => name.endsWith('-undo'));
  const rollbacks = await perform(
    Array.from({ length: failing.length === 0 ? 0 : options.rollbacks }, (_, n) => {
      const scenario = failing[n % failing.length]!;
      return { id: `rollback/${scenario.name}#${n + 1}`, scenario };
    }),
    async ({ id, scenario }, course) => ({ ...(await runPlain(scenario, course)).result, id }),
  );
  const leftOut = chosen.filter((scenario) => !scenarios.includes(scenario)).map(({ name }) => name);
  return { plain, cells: order.flatMap(({ id }) => results.get(id) ?? []), random, rollbacks, leftOut };
}

/** Long enough that a clock two hours ahead would cut it short, were it believed. */
const FELT_GRACE_MS = 2_000;

async function runPlain(scenario: Scenario, course: RunCourse): Promise<{ result: CellResult; cells: Cell[] }> {
  const place = {
    id: scenario.name,
    scenario: scenario.name,
    step: '',
    effect: '',
    when: 'never',
    fault: 'none',
  } as const;
  try {
    const run = await course(scenario, []);
    const result = { ...place, ...judged(run) };
    return { result, cells: result.outcome === 'recovered' ? cellsOf(scenario, run.passed) : [] };
  } catch (error) {
    return { result: { ...place, ...broken(error) }, cells: [] };
  }
}

async function runCell(cell: Cell, course: RunCourse): Promise<CellResult> {
  const { id, scenario, step, point, fault } = cell;
  const place = { id, scenario: scenario.name, step, effect: point.effect, when: point.when, fault };
  try {
    // Which way a rotation goes on after a first kill can depend on how fast the machine is just then.
    for (let tries = 1; ; tries += 1) {
      const result = { ...place, ...(await runToPoint(cell, course)) };
      if (result.outcome !== 'not reached' || tries === MOST_TRIES) return result;
    }
  } catch (error) {
    return { ...place, ...broken(error) };
  }
}

const MOST_TRIES = 3;

async function runToPoint(cell: Cell, course: RunCourse) {
  const { scenario, fault } = cell;
  const result = await course(scenario, [{ at: keyOf(cell), fault }]);
  const isReached = result.faults === (scenario.firstKillAt === null ? 1 : 2);
  const verdict = judged(result);
  // Whatever was broken on the way counts, reached or not.
  return isReached || verdict.outcome === 'broken' ? verdict : { ...verdict, outcome: 'not reached' as const };
}

interface RandomKill {
  readonly id: string;
  readonly scenario: Scenario;
  readonly afterMs: number;
}

/** Spread over the time that the rotation takes without a fault, and over the scenarios. */
function randomKills(
  scenarios: readonly Scenario[],
  plain: readonly CellResult[],
  { randomKills, known }: RunOptions,
): RandomKill[] {
  // A scenario that begins with a kill of its own cannot be timed from its request.
  const timed = scenarios.filter(({ firstKillAt, rollBackAt }) => firstKillAt === null && rollBackAt === null);
  if (timed.length === 0) return [];
  return Array.from({ length: randomKills }, (_, n) => {
    const scenario = timed[n % timed.length]!;
    const durationMs = plain.find((result) => result.scenario === scenario.name)?.durationMs ?? 2_000;
    const share = randomBytes(4).readUInt32BE() / 2 ** 32;
    const id = `random/${scenario.name}#${n + 1}`;
    return { id, scenario, afterMs: known.has(id) ? 0 : Math.round(share * durationMs) };
  });
}

async function runRandom({ id, scenario, afterMs }: RandomKill, course: RunCourse): Promise<CellResult> {
  const place = {
    id,
    scenario: scenario.name,
    step: '',
    effect: `after ${afterMs} ms`,
    when: 'anywhere',
    fault: 'killed',
  } as const;
  try {
    // One that was faster this time is killed earlier the next time.
    for (let instantMs = afterMs; ; instantMs = Math.floor(instantMs * 0.7)) {
      const result = await course(scenario, [{ afterMs: instantMs }]);
      if (result.faults === 1 || instantMs < 1) return { ...place, effect: `after ${instantMs} ms`, ...judged(result) };
    }
  } catch (error) {
    return { ...place, ...broken(error) };
  }
}

const judged = ({ breaches, verdict, client, recoveryMs, durationMs }: Course) => ({
  outcome: breaches.length === 0 ? ('recovered' as const) : ('broken' as const),
  state: verdict.state,
  recoveryMs,
  durationMs,
  windowMs: verdict.windowMs,
  rollback: verdict.rollback,
  looks: verdict.looks,
  logins: verdict.logins + client.logins,
  checkOuts: client.checkOuts,
  problems: [
    ...breaches.map(({ invariant, detail }) => `${invariant}: ${detail}`),
    ...verdict.journal.map((entry) => `journal: ${entry}`),
  ],
});

const broken = (error: unknown) => ({
  outcome: 'error' as const,
  state: '',
  recoveryMs: null,
  durationMs: null,
  windowMs: 0,
  rollback: null,
  looks: 0,
  logins: 0,
  checkOuts: 0,
  problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
});
