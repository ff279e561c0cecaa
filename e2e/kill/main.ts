import { existsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { declarations } from '@dsops/contracts/rotation/targets/declarations';
import { Processes } from './cast.js';
import { WORKSPACE } from '../harness/workspace.js';
import { digestOf } from './digest.js';
import { documentOf } from './document.js';
import { EventListener } from './event-listener.js';
import { FAULT_NAMES, type Fault } from './faults.js';
import { Interruption } from '../harness/interruption.js';
import { isClean, showProgress, summaryOf, tableOf } from './report.js';
import { ResultsFile, type Circumstances } from './results-file.js';
import { runMatrix, type CellResult } from './run.js';
import { SCENARIOS } from './scenarios.js';
import { World } from './world.js';

function refuse(message: string): never {
  process.stderr.write(`${message}\nSee --help.\n`);
  process.exit(2);
}

const readOptions = () =>
  parseArgs({
    options: {
      driver: { type: 'string', default: 'postgresql' },
      layout: { type: 'string' },
      plan: { type: 'string', multiple: true, default: [] },
      fault: { type: 'string', multiple: true, default: [] },
      random: { type: 'string', default: '0' },
      rollbacks: { type: 'string', default: '0' },
      results: { type: 'string' },
      docs: { type: 'string' },
      cell: { type: 'string' },
      seed: { type: 'string', default: '1' },
      shard: { type: 'string', default: '1/1' },
      lanes: { type: 'string', default: '4' },
      every: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      stack: { type: 'boolean', default: false },
      digest: { type: 'boolean', default: false },
    },
  });

/** Options as tools/kill.mjs explains them. */
function optionsOf(): ReturnType<typeof readOptions>['values'] {
  try {
    return readOptions().values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}
const values = optionsOf();

function shardOf(text: string): { index: number; of: number } {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(index), of: Number(of) };
  if (!(shard.index >= 1 && shard.index <= shard.of)) refuse('--shard is i/n, such as 1/4.');
  return shard;
}

const unknown = values.plan.find((plan) => !SCENARIOS.some(({ name }) => name === plan));
if (unknown !== undefined)
  refuse(`There is no plan "${unknown}". Plans: ${SCENARIOS.map(({ name }) => name).join(', ')}.`);
const isFault = (name: string): name is Fault => FAULT_NAMES.some((fault) => fault === name);
const faults = values.fault.filter(isFault);
const strange = values.fault.find((name) => !isFault(name));
if (strange !== undefined) refuse(`There is no fault "${strange}". Faults: ${FAULT_NAMES.join(', ')}.`);
const lanes = Number(values.lanes);
const countOf = (name: 'random' | 'rollbacks'): number => {
  const count = Number(values[name]);
  return Number.isInteger(count) && count >= 0 ? count : refuse(`--${name} is a number from 0.`);
};
const [randomKills, rollbacks] = [countOf('random'), countOf('rollbacks')];
const seed = Number(values.seed);
if (!Number.isInteger(lanes) || lanes < 1) refuse('--lanes is a number from 1.');
if (!Number.isInteger(seed)) refuse('--seed is a whole number.');
const shard = shardOf(values.shard);
for (const name of ['results', 'docs'] as const)
  if (!existsSync(dirname(values[name] ?? '.'))) refuse(`--${name}: there is no folder ${dirname(values[name]!)}.`);

const startedMs = performance.now();
const drivers = [...declarations.keys()];
const driver = drivers.find((kind) => kind === values.driver);
if (driver === undefined) refuse(`There is no driver "${values.driver}". Drivers: ${drivers.join(', ')}.`);
const scope = { drivers, driver, layout: values.layout ?? null, isStack: values.stack };
// Before it begins: what is changed meanwhile was not run.
const circumstances: Circumstances = {
  driver,
  layout: scope.layout,
  isStack: scope.isStack,
  digest: digestOf(WORKSPACE, scope),
};
if (values.digest) {
  process.stdout.write(`${circumstances.digest}\n`);
  process.exit(0);
}
const journal = values.results === undefined ? null : new ResultsFile(values.results, circumstances);
const known = journal?.known() ?? new Map<string, CellResult>();
const events = values.stack ? await EventListener.start() : null;
const worlds = await startWorlds();
const processes = new Processes(Math.min(lanes, 3));
const stop = async () => {
  await processes.stop();
  await Promise.all(worlds.map((world) => world.stop()));
  await events?.stop();
};
const interruption = new Interruption(stop);

/** One for each lane. What was started of them is stopped when one cannot be. */
async function startWorlds(): Promise<World[]> {
  const options = { kind: driver!, layout: scope.layout, events };
  const starting = await Promise.allSettled(Array.from({ length: lanes }, () => World.start(options)));
  const failed = starting.find((one) => one.status === 'rejected');
  const started = starting.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (failed === undefined) return started;
  await Promise.all([...started.map((world) => world.stop()), events?.stop()]);
  if (failed.reason instanceof RangeError) refuse(failed.reason.message);
  throw failed.reason;
}

try {
  await processes.start();
  const result = await runMatrix(worlds, processes, {
    plans: values.plan,
    faults,
    randomKills,
    rollbacks,
    known,
    signal: interruption.signal,
    cell: values.cell ?? null,
    isEveryPoint: values.every,
    shard,
    seed,
    onProgress: (progress) => {
      if (!known.has(progress.result.id)) journal?.add(progress.result);
      showProgress(progress);
    },
  });
  await interruption.orElse();
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
  const tookMs = performance.now() - startedMs;
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ ...result, tookMs }, null, 2)}\n`
      : `${tableOf(result)}\n${summaryOf(result, tookMs)}\n`,
  );
  if (values.docs !== undefined) writeFileSync(values.docs, documentOf(result, { ...circumstances, lanes }));
  process.exitCode = isClean(result) ? 0 : 1;
} finally {
  if (!interruption.isHere) await stop();
}
