/** How bugs are planted: as patches on a copy of the source, never as switches in it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { applyPatches } from './patch.ts';

export const workspace = resolve(import.meta.dirname, '../..');

/** Runs a JavaScript file, or whatever `args` tell Node to run; never fails. */
export const run = (args, cwd) =>
  new Promise((done) =>
    execFile(process.execPath, args, { cwd, maxBuffer: 1 << 28 }, (error, stdout, stderr) =>
      done({ code: error ? (error.code ?? 1) : 0, stdout, stderr }),
    ),
  );

/** A copy that is compiled already, so that only what is patched is compiled again. */
export async function copyOfWorkspace(folder) {
  const options = { recursive: true, preserveTimestamps: true, verbatimSymlinks: true };
  const files = [
    'package.json',
    'pnpm-workspace.yaml',
    'jest.config.mjs',
    'tsconfig.base.json',
    'tsconfig.json',
    'tsconfig.spec.json',
  ];
  for (const name of ['apps', 'libs', 'stack', 'e2e', 'tools', ...files])
    await cp(join(workspace, name), join(folder, name), options);
  await symlink(join(workspace, 'node_modules'), join(folder, 'node_modules'), 'junction');
}

/** Compiles what was patched in a copy of the workspace. Answers what the compiler refuses; undefined when all is well. */
export async function compile(folder) {
  const { code, stdout } = await run([join(workspace, 'node_modules/typescript/bin/tsc'), '-b', 'e2e'], folder);
  return code === 0 ? undefined : stdout.trim().slice(0, 500);
}

async function plant(bug, { copy, look }) {
  const folder = await mkdtemp(join(tmpdir(), 'dsops-planted-'));
  try {
    await copy(folder);
    const { texts, stale } = applyPatches(bug, (file) => readFileSync(join(folder, file), 'utf8'));
    if (stale.length > 0) return { problem: stale.join('; ') };
    for (const [file, text] of texts) await writeFile(join(folder, file), text);
    return await look(folder, bug);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What must stay green: without it, a proof that is always red would count as one that sees. */
const NOTHING = { name: '(nothing planted)', patches: [] };

/** `--only <part of a name>`, `--shard i/n` and what else a proof takes. */
export function readOptions(options = {}) {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, shard: { type: 'string', default: '1/1' }, ...options },
  });
  return values;
}

/**
 * Plants the bugs of the i-th of n parts whose name has `only` in it, `lanes` at a time. `copy` makes the copy in a folder; `look` runs there
 * what has to turn red, and answers {red, of, caughtBy, example}, or {problem} when it could not. With `control`, more
 * of a bug, the same is looked at with nothing planted, and has to be green. Sets the exit code: 0 when each was caught.
 */
export async function plantAll(bugs, { copy, look, only, shard, lanes = 1, control }) {
  const startedAt = performance.now();
  const [index, of] = shard.split('/').map(Number);
  const wanted = bugs.filter((_, n) => n % of === index - 1).filter(({ name }) => !only || name.includes(only));
  const waiting = [...(control ? [{ ...NOTHING, ...control }] : []), ...wanted];
  let isGood = wanted.length > 0;
  const lane = async () => {
    for (let bug = waiting.shift(); bug; bug = waiting.shift()) {
      const { problem, red, of, caughtBy, example } = await plant(bug, { copy, look });
      const isRight = !problem && red > 0 === (bug.name !== NOTHING.name);
      isGood &&= isRight;
      const told =
        problem ??
        (red > 0 ? `${red} of ${of} red, by ${caughtBy.join(' ')}; ${example}` : `${of} looked at, none red`);
      console.log(`${isRight ? '✓' : '✗'} ${bug.name}: ${told}`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  console.log(`${wanted.length} planted bugs, ${((performance.now() - startedAt) / 1000).toFixed(0)} s.`);
  process.exitCode = isGood ? 0 : 1;
}
