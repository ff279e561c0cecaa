/**
 * Runs seeded histories on a copy of the engine's source, as it is on the disk, without building or Jest.
 *
 *   node --experimental-transform-types --conditions=@dsops/source run-from-source.mjs --runs 20000 [--seed 7]
 *        [--path 1:2:3] [--no-shrink] [--json] [--source <folder of run.ts>] [--record <file of tapes>]
 */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

// Sources import each other as `.js`, the way they are built.
registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
      const url = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
      if (existsSync(url)) return { url: url.href, format: 'module-typescript', shortCircuit: true };
    }
    return next(specifier, context);
  },
});

const MOST_BYTES = 450_000;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    seed: { type: 'string' },
    path: { type: 'string' },
    source: { type: 'string' },
    'no-shrink': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    record: { type: 'string' },
  },
});
const folder = values.source ? resolve(values.source) : dirname(fileURLToPath(import.meta.url));
if (values.record) {
  const { recordTapes } = await import(pathToFileURL(resolve(folder, 'record-tapes.ts')).href);
  const { lines, places, of } = recordTapes(Number(values.runs), Number(values.seed ?? 1), MOST_BYTES);
  await writeFile(values.record, `${lines.join('\n')}\n`);
  console.log(`${lines.length} tapes, rotations stand at ${places} of ${of} places.`);
  process.exit();
}
const { describeBreach, runHistories } = await import(pathToFileURL(resolve(folder, 'run.ts')).href);
const startedAt = performance.now();
const result = runHistories({
  runs: Number(values.runs),
  isShrunk: !values['no-shrink'],
  ...(values.seed !== undefined && { seed: Number(values.seed) }),
  ...(values.path !== undefined && { path: values.path }),
});
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
if (values.json) console.log(JSON.stringify({ ...result, message: result.breach?.message ?? null }));
else if (result.breach) console.error(describeBreach(result));
else console.log(`${result.runs} histories kept every invariant (seed ${result.seed}, ${seconds} s).`);
process.exitCode = result.breach ? 1 : 0;
