import { parseArgs } from 'node:util';
import { Processes } from './cast.js';
import { isClean, showProgress, summaryOf, tableOf } from './report.js';
import { runMatrix } from './run.js';
import { SCENARIOS } from './scenarios.js';
import { World } from './world.js';

/** Options as tools/kill.mjs has checked and explained them. */
const { values } = parseArgs({
  options: {
    plan: { type: 'string', multiple: true, default: [] },
    cell: { type: 'string' },
    seed: { type: 'string', default: '1' },
    shard: { type: 'string', default: '1/1' },
    lanes: { type: 'string', default: '4' },
    every: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

function refuse(message: string): never {
  process.stderr.write(`${message}\nSee --help.\n`);
  process.exit(2);
}

function shardOf(text: string): { index: number; of: number } {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(index), of: Number(of) };
  if (!(shard.index >= 1 && shard.index <= shard.of)) refuse('--shard is i/n, such as 1/4.');
  return shard;
}

const unknown = values.plan.find((plan) => !SCENARIOS.some(({ name }) => name === plan));
if (unknown !== undefined)
  refuse(`There is no plan "${unknown}". Plans: ${SCENARIOS.map(({ name }) => name).join(', ')}.`);
const lanes = Number(values.lanes);
const seed = Number(values.seed);
if (!Number.isInteger(lanes) || lanes < 1) refuse('--lanes is a number from 1.');
if (!Number.isInteger(seed)) refuse('--seed is a whole number.');
const shard = shardOf(values.shard);

const startedMs = performance.now();
const world = await World.start();
const processes = new Processes(Math.min(lanes, 3));
let isInterrupted = false;
const stop = async () => {
  await processes.stop();
  await world.stop();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    isInterrupted = true;
    void stop().then(() => process.exit(130));
  });

try {
  await processes.start();
  const result = await runMatrix(world, processes, {
    plans: values.plan,
    cell: values.cell ?? null,
    isEveryPoint: values.every,
    shard,
    seed,
    lanes,
    settings: { pollMs: 40, mostMs: 60_000, leaseMs: 20_000 },
    onProgress: showProgress,
  });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
  const tookMs = performance.now() - startedMs;
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ ...result, tookMs }, null, 2)}\n`
      : `${tableOf(result)}\n${summaryOf(result, tookMs)}\n`,
  );
  process.exitCode = isClean(result) ? 0 : 1;
} finally {
  if (!isInterrupted) await stop();
}
