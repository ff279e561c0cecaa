/**
 * Shows that the kill test can see: cells have to turn red for each planted bug, or the spec that guards the rule.
 *
 *   node e2e/planted/kill.mjs [--only <part of a name>] [--shard i/n]
 */
import { join } from 'node:path';
import { PLANTED_BUGS } from '../kill/planted-bugs.ts';
import { compile, copyOfWorkspace, plantAll, readOptions, run } from './plant.mjs';

const { only, shard } = readOptions();

/** The cells: which of them are red. */
async function look(folder, { cells, spec }) {
  const problem = await compile(folder);
  if (problem) return { problem };
  if (spec) return runSpec(folder, spec);
  const { stdout, stderr } = await run(
    [join(folder, 'e2e/dist/kill/main.js'), ...cells, '--json', '--lanes', '4'],
    folder,
  );
  if (!stdout.startsWith('{')) return { problem: stderr.trim().slice(-500) };
  const { plain, cells: results } = JSON.parse(stdout);
  const red = [...plain, ...results].filter(({ outcome }) => outcome === 'broken');
  const problems = red.flatMap((result) => result.problems.filter((text) => /^(I\d+|events|end):/.test(text)));
  return {
    red: red.length,
    of: plain.length + results.length,
    caughtBy: [...new Set(problems.map((text) => text.split(':', 1)[0]))].sort(),
    example: problems[0],
  };
}

/** The tests of one spec: which of them are red. */
async function runSpec(folder, { file, proves }) {
  const { stderr } = await run([join(folder, 'tools/test.mjs'), file, '--verbose', '--no-color'], folder);
  const red = [...stderr.matchAll(/^ *✕ (.*?)(?: \(\d+ m?s\))?$/gm)].map(([, title]) => title);
  const green = [...stderr.matchAll(/^ *✓ /gm)];
  if (red.length + green.length === 0) return { problem: stderr.trim().slice(-500) };
  return { red: red.length, of: red.length + green.length, caughtBy: [proves], example: red[0] };
}

await plantAll(PLANTED_BUGS, { copy: copyOfWorkspace, look, only, shard });
