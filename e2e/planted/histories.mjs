/**
 * Shows that the histories can see: each known way of breaking a rule of the engine is planted, and the histories have to
 * name a breach; with nothing planted they must not.
 *
 *   node e2e/planted/histories.mjs [--runs 4000] [--seed 1] [--only <part of a name>] [--shard i/n]
 */
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PLANTED_BUGS } from '../../apps/rotation/src/engine/histories/planted-bugs.ts';
import { plantAll, readOptions, run, workspace } from './plant.mjs';

const { only, shard, runs, seed } = readOptions({
  runs: { type: 'string', default: '4000' },
  seed: { type: 'string', default: '1' },
});

const SERVICE = 'apps/rotation';
const ENGINE = `${SERVICE}/src/engine`;

/** The engine alone: it runs from its source. */
async function copy(folder) {
  await cp(join(workspace, ENGINE), join(folder, ENGINE), { recursive: true });
  const modules = join(folder, SERVICE, 'node_modules');
  await mkdir(modules);
  await symlink(join(workspace, SERVICE, 'node_modules/@dsops'), join(modules, '@dsops'), 'junction');
  await symlink(join(workspace, 'node_modules/fast-check'), join(modules, 'fast-check'), 'junction');
  await writeFile(join(folder, SERVICE, 'package.json'), '{"type":"module"}');
}

async function look(folder) {
  const { stdout, stderr } = await run(
    [
      '--experimental-transform-types',
      '--disable-warning=ExperimentalWarning',
      '--conditions=@dsops/source',
      join(folder, ENGINE, 'histories/run-from-source.mjs'),
      ...['--runs', runs, '--seed', seed, '--no-shrink', '--json'],
    ],
    folder,
  );
  if (stdout.trim() === '') return { problem: stderr.slice(0, 500) };
  const { message, runs: of } = JSON.parse(stdout);
  const [, invariant = 'a breach'] = /^(?:Error: )?(I\d+)/.exec(message ?? '') ?? [];
  return { red: message ? 1 : 0, of, caughtBy: [invariant], example: message?.replace(/^Error: /, '') };
}

// Two at a time: more would only compete for the cores.
await plantAll(PLANTED_BUGS, { copy, look, only, shard, lanes: 2, control: {} });
