/**
 * Shows that the proof of events can see: a short run on Dapr and Kafka has to count something wrong for each planted bug.
 *
 *   node e2e/planted/events.mjs [--only <part of a name>] [--shard i/n]
 */
import { join } from 'node:path';
import { PLANTED_BUGS } from '../events/planted-bugs.ts';
import { compile, copyOfWorkspace, plantAll, readOptions, run } from './plant.mjs';

const { only, shard } = readOptions();

/** A run: what it counted wrong. */
async function look(folder, { course }) {
  const problem = await compile(folder);
  if (problem) return { problem };
  const file = join(folder, 'e2e/dist/events/stack/main.js');
  const { stdout, stderr } = await run([file, ...course, '--no-sweep', '--patience', '45', '--json'], folder);
  if (!stdout.startsWith('{')) return { problem: stderr.trim().slice(-500) };
  const { problems } = JSON.parse(stdout);
  const counts = problems.filter((text) => /^\d+ /.test(text));
  return { red: counts.length > 0 ? 1 : 0, of: 1, caughtBy: ['count'], example: counts.join('; ') };
}

await plantAll(PLANTED_BUGS, { copy: copyOfWorkspace, look, only, shard });
