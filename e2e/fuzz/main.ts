import { parseArgs } from 'node:util';
import { Interruption } from '../harness/interruption.js';
import { findingsOf, summaryOf, tableOf } from './report.js';
import { runFuzz } from './run.js';
import { FuzzWorld } from './world.js';

/** Options as tools/fuzz.mjs explains them. */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    operation: { type: 'string', multiple: true, default: [] },
    lanes: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
  },
});

function refuse(message: string): never {
  process.stderr.write(`${message}\nSee --help.\n`);
  process.exit(2);
}

function wholeNumber(name: 'runs' | 'seed' | 'lanes', least: number): number {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < least) refuse(`--${name} is a whole number from ${least}.`);
  return number;
}

const options = { runs: wholeNumber('runs', 1), seed: wholeNumber('seed', 0), lanes: wholeNumber('lanes', 1) };
let shownAtMs = 0;
function showProgress(asked: number, of: number): void {
  if (!process.stderr.isTTY || performance.now() - shownAtMs < 200) return;
  shownAtMs = performance.now();
  process.stderr.write(`\r\x1b[2K${asked} of ${of} requests`);
}

const world = await FuzzWorld.start();
const interruption = new Interruption(() => world.stop());

try {
  const known = world.contract.endpoints.map(({ id }) => id);
  const unknown = values.operation.find((id) => !known.includes(id));
  if (unknown !== undefined)
    throw new RangeError(`There is no operation "${unknown}". Operations: ${known.join(', ')}.`);
  const result = await runFuzz(world, { ...options, operations: values.operation, onProgress: showProgress });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
  const leaks = world.leaksInLog();
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ ...result, leaksInLog: leaks }, null, 2)}\n`
      : `${tableOf(result)}\n${findingsOf(result)}\n${summaryOf(result)}\n`,
  );
  if (leaks.length > 0) process.stdout.write(`  ✗ the log holds ${leaks.join(', ')}\n`);
  await world.assertIntact();
  process.exitCode = result.findings.length + leaks.length === 0 ? 0 : 1;
} catch (error) {
  await interruption.orElse();
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof RangeError ? 2 : 1;
} finally {
  if (!interruption.isHere) await world.stop();
}
