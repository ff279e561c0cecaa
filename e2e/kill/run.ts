import { cellsOf, keyOf, select, type Cell, type Heir, type Selection } from './cells.js';
import type { Processes } from './cast.js';
import { CourseRun, type Course, type CourseSettings, type PlannedKill } from './course.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import type { World } from './world.js';

/** What became of a cell. `recovered`: the fault happened at its point, and nothing that was promised was broken. */
export interface CellResult {
  readonly id: string;
  readonly scenario: string;
  readonly step: string;
  readonly effect: string;
  readonly when: 'before' | 'after' | 'never';
  readonly heir: Heir | 'nobody';
  readonly outcome: 'recovered' | 'broken' | 'not reached' | 'error';
  readonly state: string;
  readonly recoveryMs: number | null;
  readonly windowMs: number;
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
  readonly lanes: number;
  readonly settings: CourseSettings;
  readonly onProgress: (progress: Progress) => void;
}

export interface RunResult {
  /** Rotations in which nothing was killed: they tell the cells, and are judged as well. */
  readonly plain: readonly CellResult[];
  readonly cells: readonly CellResult[];
}

/** Runs each scenario once without faults, which tells its cells, and then each selected cell. */
export async function runMatrix(world: World, processes: Processes, options: RunOptions): Promise<RunResult> {
  const scenarios = SCENARIOS.filter(({ name }) => options.plans.length === 0 || options.plans.includes(name));
  let started = 0;
  const course = async (scenario: Scenario, kill: PlannedKill | null): Promise<Course> => {
    started += 1;
    const cell = await world.prepare(`c${started}`, scenario);
    try {
      return await new CourseRun(processes, options.settings, scenario, cell).run(killsOf(scenario, kill));
    } finally {
      await cell.drop();
    }
  };
  const report = (results: CellResult[], of: number) => (result: CellResult) => {
    results.push(result);
    options.onProgress({ done: results.length, of, result });
  };

  const plain: CellResult[] = [];
  const found: Cell[] = [];
  const tellPlain = report(plain, scenarios.length);
  await inLanes(options.lanes, scenarios, async (scenario) => {
    const { result, passed } = await runPlain(scenario, course);
    tellPlain(result);
    found.push(...(result.outcome === 'recovered' ? cellsOf(scenario, passed) : []));
  });

  const cells: CellResult[] = [];
  const chosen = select(found, options);
  const tellCell = report(cells, chosen.length);
  await inLanes(options.lanes, chosen, async (cell) => tellCell(await runCell(cell, course)));
  const order = new Map(found.map(({ id }, index) => [id, index]));
  return { plain, cells: cells.toSorted((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0)) };
}

const killsOf = ({ firstKillAt }: Scenario, kill: PlannedKill | null): PlannedKill[] => [
  ...(firstKillAt === null ? [] : [{ at: firstKillAt, heir: 'successor' as const }]),
  ...(kill === null ? [] : [kill]),
];

type RunCourse = (scenario: Scenario, kill: PlannedKill | null) => Promise<Course>;

async function runPlain(scenario: Scenario, course: RunCourse) {
  const place = {
    id: scenario.name,
    scenario: scenario.name,
    step: '',
    effect: '',
    when: 'never',
    heir: 'nobody',
  } as const;
  try {
    const result = await course(scenario, null);
    return { passed: result.passed, result: { ...place, ...judged(result) } };
  } catch (error) {
    return { passed: [], result: { ...place, ...broken(error) } };
  }
}

async function runCell(cell: Cell, course: RunCourse): Promise<CellResult> {
  const { id, scenario, step, point, heir } = cell;
  const place = { id, scenario: scenario.name, step, effect: point.effect, when: point.when, heir };
  try {
    const kill: PlannedKill = { at: keyOf(cell), heir };
    const result = await course(scenario, kill);
    const isReached = result.kills === killsOf(scenario, kill).length;
    return { ...place, ...judged(result), ...(isReached ? {} : { outcome: 'not reached' as const }) };
  } catch (error) {
    return { ...place, ...broken(error) };
  }
}

const judged = ({ breaches, verdict, client, recoveryMs }: Course) => ({
  outcome: breaches.length === 0 ? ('recovered' as const) : ('broken' as const),
  state: verdict.state,
  recoveryMs,
  windowMs: verdict.windowMs,
  looks: verdict.looks,
  logins: verdict.logins + client.logins,
  checkOuts: client.checkOuts,
  problems: breaches.map(({ invariant, detail }) => `${invariant}: ${detail}`),
});

const broken = (error: unknown) => ({
  outcome: 'error' as const,
  state: '',
  recoveryMs: null,
  windowMs: 0,
  looks: 0,
  logins: 0,
  checkOuts: 0,
  problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
});

async function inLanes<T>(lanes: number, work: readonly T[], run: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...work];
  const lane = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await run(one);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, work.length) }, lane));
}
