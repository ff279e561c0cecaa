/** How the scripts of this folder start other programs: on this Node, without a shell, from the workspace's root. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

// pnpm puts the Node of this workspace first; `node tools/start.mjs` would take whatever the machine has.
if (Number(process.versions.node.split('.', 1)[0]) < 24) {
  const script = process.argv[1]?.replace(/^.*[/\\]|\.mjs$/g, '');
  process.stderr.write(
    `dsops needs Node 24 and brings it: run its scripts with pnpm, as in "npx -y pnpm@12 ${script}".\n`,
  );
  process.exit(1);
}

/** The file behind a package's command, such as `jest` of `jest`. */
export function commandOf(name, packageName = name) {
  // Read from its folder: not every package exports its package.json.
  const manifest = join(root, 'node_modules', packageName, 'package.json');
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
  return join(dirname(manifest), typeof bin === 'string' ? bin : bin[name]);
}

/** Runs a JavaScript file; resolves to its exit code. Output goes where ours goes, unless `stdio` says otherwise. */
export function runNode(file, args = [], { env = {}, stdio = 'inherit', onOutput } = {}) {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [file, ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: onOutput ? ['ignore', 'pipe', 'pipe'] : stdio,
    });
    if (onOutput) for (const stream of [child.stdout, child.stderr]) stream.on('data', onOutput);
    // Ctrl-C reaches the child by itself, as it is in our group; we stay to give back its exit code.
    const stay = () => undefined;
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stay);
    child.once('error', failed);
    child.once('close', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM']) process.off(name, stay);
      done(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
}

/** Lays out a page that a run has written, as `pnpm check` wants pages of the docs; what is no page, or was not written, stays as it is. */
export async function layOut(file) {
  if (!existsSync(resolve(root, file))) return;
  await runNode(commandOf('prettier'), ['--write', '--ignore-unknown', '--log-level', 'warn', file]);
}

/** Prints the help at the top of a script and ends, when the arguments ask for it. */
export function helpOnRequest(text, args = process.argv.slice(2)) {
  if (!args.includes('--help') && !args.includes('-h')) return;
  console.log(text.trim());
  process.exit(0);
}
