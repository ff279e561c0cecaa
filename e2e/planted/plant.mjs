/** How bugs are planted: as patches on a copy of the source, never as switches in it. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const workspace = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Runs a JavaScript file; never fails. */
export const run = (file, args, cwd) =>
  new Promise((done) =>
    execFile(process.execPath, [file, ...args], { cwd, maxBuffer: 1 << 28 }, (error, stdout, stderr) =>
      done({ code: error ? (error.code ?? 1) : 0, stdout, stderr }),
    ),
  );

/** A copy that is compiled already, so that only what is patched is compiled again. */
async function copyOfWorkspace() {
  const folder = await mkdtemp(join(tmpdir(), 'dsops-planted-'));
  const options = { recursive: true, preserveTimestamps: true, verbatimSymlinks: true };
  const files = ['package.json', 'jest.config.mjs', 'tsconfig.base.json', 'tsconfig.json', 'tsconfig.spec.json'];
  for (const name of ['apps', 'libs', 'stack', 'e2e', 'tools', ...files])
    await cp(join(workspace, name), join(folder, name), options);
  await symlink(join(workspace, 'node_modules'), join(folder, 'node_modules'), 'junction');
  return folder;
}

/** @param patches file, what stands there, what is planted; every occurrence */
async function plant({ patches, ...bug }, look) {
  const folder = await copyOfWorkspace();
  try {
    for (const [file, before, after] of patches) {
      const path = join(folder, file);
      const text = await readFile(path, 'utf8');
      if (!text.includes(before)) return { problem: `${file} has changed: renew the patch` };
      await writeFile(
        path,
        text.replaceAll(before, () => after),
      );
    }
    const compiled = await run(join(workspace, 'node_modules/typescript/bin/tsc'), ['-b', 'e2e'], folder);
    if (compiled.code !== 0) return { problem: compiled.stdout.trim().slice(0, 500) };
    return await look(folder, bug);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Plants one bug after the other, `--only <part of a name>` some of them. `look` runs what has to turn red in the copy,
 * and answers {red, of, caughtBy, example}, or {problem} when it could not. Sets the exit code: 0 when each was caught.
 */
export async function plantAll(bugs, look) {
  const { values } = parseArgs({ options: { only: { type: 'string' } } });
  const startedAt = performance.now();
  const wanted = bugs.filter(({ name }) => !values.only || name.includes(values.only));
  let isGood = wanted.length > 0;
  for (const bug of wanted) {
    const { problem, red, of, caughtBy, example } = await plant(bug, look);
    const isCaught = !problem && red > 0;
    isGood &&= isCaught;
    console.log(
      `${isCaught ? '✓' : '✗'} ${bug.name}: ${problem ?? (isCaught ? `${red} of ${of} red, by ${caughtBy.join(' ')}; ${example}` : `${of} looked at, none red`)}`,
    );
  }
  console.log(`${wanted.length} planted bugs, ${((performance.now() - startedAt) / 1000).toFixed(0)} s.`);
  process.exitCode = isGood ? 0 : 1;
}
